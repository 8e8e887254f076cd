"""What the albums service does when a user leaves: hands out every album, and removes every album."""

import asyncio
from uuid import uuid4

import pytest
from mizzap_albums import families
from mizzap_albums.models import FamilyMemberRow, metadata
from mizzap_albums.sharing import Sharing
from mizzap_common import testing, tombstones
from mizzap_common.contracts import catalog, events, exporting, requests
from mizzap_common.erasure import Erasure
from mizzap_common.errors import NotFound
from mizzap_common.inbox import Delivery
from sqlalchemy import select

from services.albums.tests.test_races import somebody_waits


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


async def erase(bus, user) -> None:
    asked = events.UserErasureRequested(user_id=user.user_id, erasure_id="e", asked=1)
    await testing.publish_event(bus.jetstream, catalog.USER_ERASURE_REQUESTED, asked)
    await testing.all_handled(bus.jetstream, "albums")


@pytest.mark.parametrize("order", ["erased alone", "left and erased", "erased and left"])
async def test_relatives_hear_that_an_erased_members_photos_are_gone(bus, shared, order) -> None:
    before, seen = await shared.owner.get(shared.album.id), (await shared.owner.changes()).last
    leaving = shared.family.leaving(shared.member)
    if order == "left and erased":
        await shared.family.tell(leaving)
    await erase(bus, shared.member)
    if order == "erased and left":
        event, payload = leaving
        await testing.publish_event(bus.jetstream, event, payload)
        await testing.all_handled(bus.jetstream, "albums")
    now = await shared.owner.get(shared.album.id)
    assert (now.photo_ids, now.cover_photo_id, now.visibility) == ([shared.theirs], shared.theirs, "shared")
    assert now.version == before.version + 1
    told = (await shared.owner.changes(seen)).changes
    assert [(change.id, change.change) for change in told] == [(shared.album.id, "changed")]

    def of_the_owner(said: list[events.AlbumUpdated]) -> list[str]:
        return [one.change for one in said if one.album_id == shared.album.id and shared.owner.user_id in one.audience]

    async def removed() -> bool:
        return of_the_owner(await testing.published(bus.jetstream, catalog.ALBUM_UPDATED))[-1] == "photos_removed"

    await testing.eventually(removed)


@pytest.mark.parametrize("order", ["left and erased", "erased and left"])
async def test_relatives_hear_that_an_erased_owners_album_is_gone(bus, shared, order) -> None:
    seen = (await shared.member.changes()).last
    leaving = shared.family.leaving(shared.owner)
    if order == "left and erased":
        await shared.family.tell(leaving)
    await erase(bus, shared.owner)
    if order == "erased and left":
        await shared.family.tell(leaving)
    # auth asks once more
    await erase(bus, shared.owner)
    assert await shared.member.role_in(shared.album) is None
    told = (await shared.member.changes(seen)).changes
    assert [(change.id, change.change) for change in told] == [(shared.album.id, "deleted")]

    async def heard_once() -> bool:
        said = [one for one in await testing.published(bus.jetstream, catalog.ALBUM_UPDATED) if one.about == about]
        return [one.change for one in said if one.user_id == shared.member.user_id].count("deleted") == 1

    about = f"album/{shared.album.id}"
    await testing.eventually(heard_once)


async def test_broken_off_between_two_families_it_goes_on(shared, make_family, database, monkeypatch) -> None:
    other = make_family()
    await other.tell(other.joining(shared.owner, "owner"), other.joining(shared.member))
    await shared.owner.share(shared.album.id, other.id)
    forget, forgotten = families.forget, []

    async def fail_at_the_second(session, family_id, user_id) -> None:
        if forgotten:
            raise ConnectionError
        forgotten.append(family_id)
        await forget(session, family_id, user_id)

    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        broken.setattr(families, "forget", fail_at_the_second)
        await Sharing(database).erased(shared.member.user_id)
    before = await shared.owner.get(shared.album.id)
    assert shared.own in before.photo_ids
    await Sharing(database).erased(shared.member.user_id)
    now = await shared.owner.get(shared.album.id)
    assert (now.photo_ids, now.version) == ([shared.theirs], before.version + 1)


async def known_roles(database, user):
    """What is known of a user in families, a leaving included."""
    async with database.begin() as session:
        found = select(FamilyMemberRow.role).where(FamilyMemberRow.user_id == user.user_id)
        return (await session.scalars(found)).all()


@pytest.mark.parametrize("late", ["joined", "left", "named"])
async def test_a_late_event_does_not_bring_an_erased_user_back(bus, shared, database, late) -> None:
    family, member = shared.family, shared.member
    await erase(bus, member)
    seen = (await shared.owner.changes()).last
    if late == "joined":
        await family.tell(family.joining(member))
    elif late == "left":
        await family.tell(family.leaving(member))
    else:
        # the others' part of it counts
        await family.tell(family.becoming(shared.owner, "member"))
        assert await known_roles(database, shared.owner) == ["member"]
    assert await known_roles(database, member) == []
    assert await member.role_in(shared.album) is None
    assert (await shared.owner.changes(seen)).changes == []


async def race(who, family, database, monkeypatch):
    """A late join has looked who is erased, and is about to write when its user is; what is known afterwards."""
    service = Erasure(database, metadata, catalog.ALBUMS_ERASED, tell_others=Sharing(database).erased)
    asked = events.UserErasureRequested(user_id=who.user_id, erasure_id="e", asked=1)
    put_roles, erasures = families.put_roles, []

    async def slow(*arguments):
        erasing = asyncio.create_task(service.erase(asked, Delivery("tests", uuid4())))
        erasures.append(erasing)
        await testing.eventually(lambda: erasing.done() or somebody_waits(database), 20)
        return await put_roles(*arguments)

    monkeypatch.setattr(families, "put_roles", slow)
    _, joining = family.joining(who)
    await Sharing(database).joined(joining, Delivery("tests", uuid4()))
    await asyncio.gather(*erasures)
    return await known_roles(database, who)


async def test_an_erasure_waits_for_a_join_that_is_committing(user, make_family, database, monkeypatch) -> None:
    assert await race(user, make_family(), database, monkeypatch) == []


async def test_without_the_lock_on_users_a_join_passes_the_erasure(user, make_family, database, monkeypatch) -> None:
    """The mutant: a look for tombstones that holds nobody up. The race above must see it."""

    async def nobody(*_: object) -> set[int]:
        return set()

    monkeypatch.setattr(tombstones, "buried_users_among", nobody)
    assert await race(user, make_family(), database, monkeypatch) == ["member"]


async def test_albums_go_and_those_of_others_stay(bus, user, stranger, photos) -> None:
    made = photos.make(user.user_id, 2)
    album, theirs = await user.create("mine"), await stranger.create("theirs")
    await user.add(album.id, made)
    await erase(bus, user)
    assert await exported(bus, user) == []
    with pytest.raises(NotFound):
        await user.add(album.id, made)
    assert (await stranger.get(theirs.id)).name == "theirs"
    receipts = await testing.eventually(lambda: testing.published(bus.jetstream, catalog.ALBUMS_ERASED))
    assert user.user_id in [receipt.user_id for receipt in receipts]
