"""Joining, leaving, and the end of a family: in any order, more than once, and while others are at work."""

import itertools

import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog
from mizzap_common.errors import NotFound


async def test_a_leaving_member_takes_the_own_photos_along(shared):
    await shared.family.tell(shared.family.leaving(shared.member))
    assert await shared.member.role_in(shared.album) is None
    now = await shared.owner.get(shared.album.id)
    assert (now.photo_ids, now.cover_photo_id, now.visibility) == ([shared.theirs], shared.theirs, "shared")


async def test_coming_back_shows_the_album_but_brings_no_photos(shared):
    await shared.family.tell(shared.family.leaving(shared.member), shared.family.joining(shared.member, "viewer"))
    assert await shared.member.role_in(shared.album) == "viewer"
    assert (await shared.member.get(shared.album.id)).photo_ids == [shared.theirs]


async def test_a_leaving_owner_takes_the_albums_along(shared):
    await shared.family.tell(shared.family.leaving(shared.owner))
    assert await shared.member.role_in(shared.album) is None
    now = await shared.owner.get(shared.album.id)
    assert (now.photo_ids, now.visibility) == ([shared.theirs], "private")
    assert await shared.owner.shares(shared.album.id) == []
    await shared.family.tell(shared.family.joining(shared.owner))
    assert await shared.member.role_in(shared.album) is None


async def test_a_deleted_family_sees_nothing_and_is_gone_for_ever(shared):
    late = shared.family.joining(shared.member)
    await shared.family.tell(shared.family.deletion())
    shared.family.change += 5
    await shared.family.tell(late, shared.family.joining(shared.owner))
    assert await shared.member.role_in(shared.album) is None
    assert await shared.owner.shares(shared.album.id) == []
    assert (await shared.owner.get(shared.album.id)).photo_ids == [shared.theirs]
    with pytest.raises(NotFound):
        await shared.owner.share(shared.album.id, shared.family.id)


@pytest.mark.parametrize("end", ["unshare", "hide"])
async def test_the_end_of_sharing_takes_members_photos_out(shared, end):
    if end == "unshare":
        await shared.owner.unshare(shared.album.id, shared.family.id)
    else:
        await shared.owner.share(shared.album.id, shared.family.id, visibility="private")
    assert await shared.member.role_in(shared.album) is None
    assert (await shared.owner.get(shared.album.id)).photo_ids == [shared.theirs]


async def test_in_two_families_leaving_one_changes_nothing(shared, make_family):
    other = make_family()
    await other.tell(other.joining(shared.owner), other.joining(shared.member))
    await shared.owner.share(shared.album.id, other.id)
    await shared.family.tell(shared.family.leaving(shared.member))
    assert await shared.member.role_in(shared.album) == "member"
    assert shared.own in (await shared.owner.get(shared.album.id)).photo_ids


async def test_a_deleted_photo_leaves_others_albums_too(bus, shared):
    own = await shared.member.create()
    await shared.member.add(own.id, [shared.own])
    event_id = await testing.publish_event(bus.jetstream, catalog.PHOTO_DELETED, shared.member.deletion_of(shared.own))
    await shared.family.handled(event_id)
    now = await shared.owner.get(shared.album.id)
    assert (now.photo_ids, now.cover_photo_id) == ([shared.theirs], shared.theirs)
    assert (await shared.member.get(own.id)).photo_ids == []


async def test_an_event_of_the_album_s_owner_does_not_take_out_a_member_s_photo(bus, shared):
    event_id = await testing.publish_event(bus.jetstream, catalog.PHOTO_DELETED, shared.owner.deletion_of(shared.own))
    await shared.family.handled(event_id)
    assert (await shared.owner.get(shared.album.id)).photo_ids == [shared.theirs, shared.own]


async def test_the_same_event_again_does_nothing(bus, shared):
    event, payload = shared.family.leaving(shared.member)
    event_id = await testing.publish_event(bus.jetstream, event, payload)
    await shared.family.handled(event_id)
    await shared.family.tell(shared.family.joining(shared.member))
    await shared.member.add(shared.album.id, [shared.own])
    before = await shared.owner.get(shared.album.id)
    # by the same id, and by another
    await testing.publish_event(bus.jetstream, event, payload, event_id)
    await shared.family.tell((event, payload))
    assert await shared.owner.get(shared.album.id) == before
    assert await shared.member.role_in(shared.album) == "member"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[1::3], ids=str)
async def test_events_in_any_order_end_the_same(make_user, make_family, order):
    owner, who, family = make_user(), make_user(), make_family()
    await family.tell(family.joining(owner))
    album = await owner.create()
    await owner.share(album.id, family.id)
    told = [family.joining(who), family.leaving(who), family.joining(who, "member"), family.becoming(who, "viewer")]
    await family.tell(*(told[number] for number in order))
    assert await who.role_in(album) == "viewer"


async def test_a_late_joining_does_not_let_in_who_has_left(make_user, make_family):
    owner, who, family = make_user(), make_user(), make_family()
    await family.tell(family.joining(owner))
    album = await owner.create()
    await owner.share(album.id, family.id)
    joining, leaving = family.joining(who), family.leaving(who)
    await family.tell(leaving, joining)
    assert await who.role_in(album) is None


async def test_whoever_a_change_of_the_family_does_not_name_has_left(shared):
    del shared.family.roles[shared.member.user_id]
    await shared.family.tell(shared.family.becoming(shared.owner, "owner"))
    assert await shared.member.role_in(shared.album) is None
    assert (await shared.owner.get(shared.album.id)).photo_ids == [shared.theirs]
