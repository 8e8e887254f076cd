"""The albums' part of the change feed: what each user is to know of."""

import pytest
from mizzap_common import changes


async def seen(user, after=0):
    page = await user.changes(after)
    return [(change.id, change.change) for change in page.changes], page.last


async def test_the_owner_s_feed_has_each_album_once_as_it_is(user, photos):
    one, two = await user.create("one"), await user.create("two")
    await user.update(one.id, name="first")
    await user.add(two.id, photos.make(user.user_id, 2))
    page = await user.changes()
    assert [(change.kind, change.id, change.change) for change in page.changes] == [
        ("album", one.id, "created"),
        ("album", two.id, "created"),
    ]
    assert [change.data["name"] for change in page.changes] == ["first", "two"]
    assert page.changes[1].data["photoCount"] == 2
    assert (page.last, page.more) == (page.changes[-1].seq, False)

    await user.delete(two.id)
    await user.order(one.id, photo_ids=[])
    changed, last = await seen(user, page.last)
    assert changed == [(two.id, "deleted")]
    assert await seen(user, last) == ([], last)


async def test_it_comes_in_pages(user):
    made = [(await user.create(f"Album {number}")).id for number in range(5)]
    found, after, more = [], 0, True
    while more:
        page = await user.changes(after, limit=2)
        assert len(page.changes) <= 2
        found += [change.id for change in page.changes]
        after, more = page.last, page.more
    assert found == made


async def test_an_answer_stays_small_however_much_changed(user, monkeypatch):
    monkeypatch.setattr(changes, "ANSWER_BYTES", 1500)
    made = [(await user.create("Album", description="d" * 1000)).id for _ in range(3)]
    page = await user.changes()
    assert ([change.id for change in page.changes], page.more) == (made[:1], True)
    rest = await user.changes(page.last)
    assert [change.id for change in rest.changes] == made[1:2]


async def test_members_hear_of_shared_albums_while_they_see_them(make_user, make_family, photos):
    owner, member, viewer = make_user(), make_user(), make_user()
    family = make_family()
    await family.tell(family.joining(owner), family.joining(member))
    album = await owner.create()
    await owner.share(album.id, family.id, visibility="private")
    assert (await seen(member))[0] == []

    await owner.share(album.id, family.id)
    changes, last = await seen(member)
    assert changes == [(album.id, "created")]
    (theirs,), (own,) = photos.make(owner.user_id, 1), photos.make(member.user_id, 1)
    await owner.add(album.id, [theirs])
    changes, last = await seen(member, last)
    assert changes == [(album.id, "changed")]

    await family.tell(family.joining(viewer, "viewer"))
    assert (await seen(viewer))[0] == [(album.id, "created")]
    assert (await viewer.changes()).changes[0].data["role"] == "viewer"
    assert await seen(member, last) == ([], last)

    await member.add(album.id, [own])
    _, of_owner = await seen(owner)
    _, last = await seen(member)
    await family.tell(family.becoming(member, "viewer"))
    assert (await member.changes(last)).changes[0].data["role"] == "viewer"
    assert await seen(owner, of_owner) == ([], of_owner)

    await family.tell(family.leaving(member))
    assert await seen(member, last) == ([(album.id, "deleted")], last + 2)
    assert (await member.changes(last)).changes[0].data is None
    assert (await seen(owner, of_owner))[0] == [(album.id, "changed")]

    await owner.delete(album.id)
    assert (await seen(viewer))[0] == [(album.id, "deleted")]


async def test_coming_back_is_a_creation_to_who_heard_of_the_end(make_user, make_family):
    owner, member, family = make_user(), make_user(), make_family()
    await family.tell(family.joining(owner), family.joining(member))
    album = await owner.create()
    await owner.share(album.id, family.id)
    await family.tell(family.leaving(member))
    _, last = await seen(member)
    await family.tell(family.joining(member))
    assert (await seen(member, last))[0] == [(album.id, "created")]


@pytest.mark.parametrize("first", ["member", "viewer"])
async def test_a_role_is_another_version_of_what_one_sees(make_user, make_family, first):
    owner, who, family = make_user(), make_user(), make_family()
    await family.tell(family.joining(owner), family.joining(who, first))
    album = await owner.create()
    await owner.share(album.id, family.id)
    before = await who.get(album.id)
    await family.tell(family.becoming(who, "viewer" if first == "member" else "member"))
    after = await who.get(album.id)
    assert after.version == before.version and after.etag != before.etag
