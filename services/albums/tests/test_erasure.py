"""What the albums service does when a user leaves: hands out every album, and removes every album."""

import pytest
from mizzap_albums import families
from mizzap_albums.sharing import Sharing
from mizzap_common import testing
from mizzap_common.contracts import catalog, events, exporting, requests
from mizzap_common.errors import NotFound


async def exported(bus, user):
    found = await bus.ask(requests.ALBUMS_EXPORT, exporting.ExportPageRequest(user_id=user.user_id))
    assert (found.file, found.next_cursor) == ("albums.json", None)
    return found.items


async def test_albums_are_handed_out_in_their_order(bus, user, stranger, photos) -> None:
    made = photos.make(user.user_id, 3)
    album = await user.create("Été", description="à la mer")
    await user.add(album.id, made[::-1])
    await user.update(album.id, cover_photo_id=made[0])
    await user.create("empty")
    await stranger.create("theirs")
    first, second = await exported(bus, user)
    assert (first["name"], first["description"], first["coverPhotoId"]) == ("Été", "à la mer", made[0])
    assert first["photoIds"] == made[::-1] and second["photoIds"] == []


async def test_many_albums_come_page_by_page(bus, user) -> None:
    names = [(await user.create(f"album {number}")).name for number in range(45)]
    found, cursor = [], None
    for _ in range(10):
        question = exporting.ExportPageRequest(user_id=user.user_id, cursor=cursor)
        page = await bus.ask(requests.ALBUMS_EXPORT, question)
        found += [item["name"] for item in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert found == names


async def test_albums_go_and_those_of_others_stay(bus, user, stranger, photos) -> None:
    made = photos.make(user.user_id, 2)
    album, theirs = await user.create("mine"), await stranger.create("theirs")
    await user.add(album.id, made)
    asked = events.UserErasureRequested(user_id=user.user_id, erasure_id="e", asked=1)
    await testing.publish_event(bus.jetstream, catalog.USER_ERASURE_REQUESTED, asked)
    await testing.all_handled(bus.jetstream, "albums")
    assert await exported(bus, user) == []
    with pytest.raises(NotFound):
        await user.add(album.id, made)
    assert (await stranger.get(theirs.id)).name == "theirs"
    receipts = await testing.eventually(lambda: testing.published(bus.jetstream, catalog.ALBUMS_ERASED))
    assert [receipt.user_id for receipt in receipts] == [user.user_id]


ORDERS = ["erased first", "left first"]


async def erase_and_leave(family, who, order) -> None:
    """Both are told by events of their own, of which either may come first. Asked for twice, as auth does."""
    asked = [events.UserErasureRequested(user_id=who.user_id, erasure_id="e", asked=number) for number in (1, 2)]
    told = [(catalog.USER_ERASURE_REQUESTED, asked[0]), family.leaving(who)]
    if order == "left first":
        told.reverse()
    await family.tell(*told, (catalog.USER_ERASURE_REQUESTED, asked[1]))


async def told_to(bus, listener, album):
    """What has been said of the album on the listener's sockets, since it is shared."""
    updates = await testing.published(bus.jetstream, catalog.ALBUM_UPDATED)
    return [u.change for u in updates if u.album_id == album.id and listener.user_id in u.watchers]


@pytest.mark.parametrize("order", ORDERS)
async def test_a_relative_s_album_is_told_that_an_erased_member_s_photos_left(bus, shared, order) -> None:
    seen, before = await shared.owner.changes(), await shared.owner.get(shared.album.id)
    await erase_and_leave(shared.family, shared.member, order)
    now = await shared.owner.get(shared.album.id)
    assert (now.photo_ids, now.cover_photo_id) == ([shared.theirs], shared.theirs)
    assert now.version == before.version + 1
    news = (await shared.owner.changes(after=seen.changes[-1].seq)).changes
    assert [(change.id, change.change) for change in news] == [(shared.album.id, "changed")]

    async def told() -> bool:
        return (await told_to(bus, shared.owner, shared.album)).count("photos_removed") == 1

    await testing.eventually(told)


@pytest.mark.parametrize("order", ORDERS)
async def test_relatives_are_told_that_an_erased_owner_s_album_is_gone(bus, shared, order) -> None:
    seen = await shared.member.changes()
    await erase_and_leave(shared.family, shared.owner, order)
    assert await shared.member.role_in(shared.album) is None
    news = (await shared.member.changes(after=seen.changes[-1].seq)).changes
    assert [(change.id, change.change) for change in news] == [(shared.album.id, "deleted")]

    async def told() -> bool:
        return (await told_to(bus, shared.member, shared.album)).count("deleted") == 1

    await testing.eventually(told)


async def test_broken_off_between_two_families_it_goes_on(shared, make_family, database, monkeypatch) -> None:
    other = make_family()
    await other.tell(other.joining(shared.owner, "owner"), other.joining(shared.member))
    await shared.owner.share(shared.album.id, other.id)
    end, ended = families.end_membership, []

    async def fail_at_the_second(session, family_id, user_id):
        if len(ended) == 1:
            raise ConnectionError
        ended.append(family_id)
        await end(session, family_id, user_id)

    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        broken.setattr(families, "end_membership", fail_at_the_second)
        await Sharing(database).leave_all(shared.member.user_id)
    before = await shared.owner.get(shared.album.id)
    assert shared.own in before.photo_ids
    await Sharing(database).leave_all(shared.member.user_id)
    now = await shared.owner.get(shared.album.id)
    assert (now.photo_ids, now.version) == ([shared.theirs], before.version + 1)
