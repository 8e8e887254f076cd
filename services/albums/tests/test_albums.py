"""Albums as their owner sees them, and as nobody else does."""

import asyncio
import json

import pytest
from mizzap_albums import contents
from mizzap_common import testing
from mizzap_common.contracts import catalog, requests
from mizzap_common.errors import Conflict, InvalidInput, NotFound
from mizzap_common.rpc import read_answer
from pydantic import ValidationError


async def changes(bus, user, album_id, number):
    """The changes told of an album, once there are ``number`` of them."""

    async def told():
        updates = await testing.published(bus.jetstream, catalog.ALBUM_UPDATED)
        mine = [update.change for update in updates if (update.user_id, update.album_id) == (user.user_id, album_id)]
        return mine if len(mine) >= number else None

    return await testing.eventually(told)


async def test_from_creation_to_deletion(bus, user):
    album = await user.create("  Summer at the lake ", description="July")

    assert (album.name, album.description, album.visibility) == ("Summer at the lake", "July", "private")
    assert (album.photo_count, album.cover_photo_id) == (0, None)
    renamed = await user.update(album.id, name="Winter")
    assert (renamed.name, renamed.description) == ("Winter", "July")
    assert renamed.updated_at > album.updated_at
    assert (await user.update(album.id, description="")).description is None
    assert (await user.get(album.id)).photo_ids == []
    await user.delete(album.id)

    with pytest.raises(NotFound):
        await user.get(album.id)
    assert await changes(bus, user, album.id, 4) == ["created", "updated", "updated", "deleted"]


async def test_an_update_that_changes_nothing_tells_nothing(bus, user):
    album = await user.create("Summer")
    assert await user.update(album.id, name="Summer") == album
    await user.delete(album.id)
    assert await changes(bus, user, album.id, 2) == ["created", "deleted"]


@pytest.mark.parametrize("name", ["", "   ", "a" * 256, "a\0b"], ids=["empty", "blank", "long", "NUL"])
async def test_names_that_are_refused(bus, user, name):
    for method, ids in ((requests.ALBUMS_CREATE, {}), (requests.ALBUMS_UPDATE, {"albumId": 1})):
        request = json.dumps({"userId": user.user_id, "name": name, **ids}).encode()
        reply = await bus.broker.request(request, method.subject)
        with pytest.raises(InvalidInput) as refusal:
            read_answer(method, reply.body)
        assert refusal.value.details["field"] == "name"


async def test_the_list_has_the_newest_first_in_pages(user):
    made = [(await user.create(f"Album {number}")).id for number in range(5)]
    first, last = await user.list(page=1, limit=3), await user.list(page=2, limit=3)
    assert [album.id for album in first.albums + last.albums] == made[::-1]
    assert (first.total, last.total) == (5, 5)
    assert (await user.list(page=3, limit=3)).albums == []


async def test_photos_keep_the_order_they_were_added_in(bus, user, photos):
    album = await user.create()
    one, two, three, four = photos.make(user.user_id, 4)

    added = await user.add(album.id, [three, one, three])
    assert (added.photo_count, added.cover_photo_id) == (2, three)
    added = await user.add(album.id, [four, one, two])
    assert (added.photo_count, added.cover_photo_id) == (4, three)

    assert (await user.get(album.id)).photo_ids == [three, one, four, two]
    assert await changes(bus, user, album.id, 3) == ["created", "photos_added", "photos_added"]


async def test_adding_twice_changes_and_tells_nothing(bus, user, photos):
    album = await user.create()
    mine = photos.make(user.user_id, 3)
    added = await user.add(album.id, mine)
    assert await user.add(album.id, mine) == added.model_copy(update={"added": []})
    await user.delete(album.id)
    assert await changes(bus, user, album.id, 3) == ["created", "photos_added", "deleted"]


async def test_foreign_photos_are_refused_like_missing_ones_and_nothing_is_added(user, stranger, photos):
    album = await user.create()
    mine = photos.make(user.user_id, 2)
    (foreign,) = photos.make(stranger.user_id, 1)
    missing = foreign + 10**6

    refusals = []
    for other in (foreign, missing):
        with pytest.raises(NotFound) as refusal:
            await user.add(album.id, [mine[0], other, mine[1]])
        assert refusal.value.details == {"photoIds": [other]}
        refusals.append((refusal.value.code, refusal.value.message.replace(str(other), "…")))

    assert refusals[0] == refusals[1]
    assert (await user.get(album.id)).photo_ids == []


async def test_a_foreign_album_answers_like_a_missing_one(user, stranger, photos):
    album = await user.create()
    (mine,) = photos.make(user.user_id, 1)
    (theirs,) = photos.make(stranger.user_id, 1)
    await user.add(album.id, [mine])
    before = await user.get(album.id)

    for ask in (
        stranger.get,
        stranger.delete,
        lambda number: stranger.update(number, name="Mine now"),
        lambda number: stranger.add(number, [theirs]),
        lambda number: stranger.remove(number, mine),
    ):
        answers = []
        for number in (album.id, album.id + 10**6):
            with pytest.raises(NotFound) as refusal:
                await ask(number)
            answers.append((refusal.value.code, refusal.value.message, refusal.value.details))
        assert answers[0] == answers[1]

    assert await user.get(album.id) == before
    assert (await stranger.list()).total == 0


async def test_the_cover_is_a_photo_of_the_album(user, photos):
    album = await user.create()
    one, two, outside = photos.make(user.user_id, 3)
    await user.add(album.id, [one, two])

    with pytest.raises(InvalidInput) as refusal:
        await user.update(album.id, cover_photo_id=outside, name="Not this either")
    assert refusal.value.code == "COVER_NOT_IN_ALBUM"
    unchanged = await user.get(album.id)
    assert (unchanged.cover_photo_id, unchanged.name) == (one, album.name)

    assert (await user.update(album.id, cover_photo_id=two)).cover_photo_id == two
    assert (await user.remove(album.id, two)).cover_photo_id == one
    assert (await user.remove(album.id, one)).cover_photo_id is None


async def test_removing(bus, user, photos):
    album = await user.create()
    one, two, three = photos.make(user.user_id, 3)
    await user.add(album.id, [one, two, three])

    assert (await user.remove(album.id, two)).photo_count == 2

    assert (await user.get(album.id)).photo_ids == [one, three]
    with pytest.raises(NotFound):
        await user.remove(album.id, two)
    await user.add(album.id, [two])
    assert (await user.get(album.id)).photo_ids == [one, three, two]
    told = ["created", "photos_added", "photos_removed", "photos_added"]
    assert await changes(bus, user, album.id, 4) == told


async def test_a_full_album_takes_none_of_too_many(user, photos, monkeypatch):
    monkeypatch.setattr(contents, "MAX_PHOTOS", 3)
    album = await user.create()
    mine = photos.make(user.user_id, 4)
    await user.add(album.id, mine[:2])
    with pytest.raises(Conflict) as refusal:
        await user.add(album.id, mine[2:])
    assert refusal.value.code == "ALBUM_FULL"
    assert (await user.get(album.id)).photo_ids == mine[:2]


async def test_the_largest_album_fits_into_an_answer(user, photos):
    album = await user.create()
    mine = photos.make(user.user_id, contents.MAX_PHOTOS)
    for start in range(0, len(mine), 500):
        await user.add(album.id, mine[start : start + 500])
    assert (await user.get(album.id)).photo_ids == mine


async def test_the_largest_page_fits_into_an_answer(user):
    """Characters that take six bytes in JSON, in every place."""
    for _ in range(100):
        await user.create("\x01" * 255, description="\x01" * 1000)
    assert len((await user.list(limit=100)).albums) == 100
    changes = await user.changes(limit=200)
    assert changes.more and changes.changes
    with pytest.raises(ValidationError):
        await user.create(description="d" * 1001)


async def test_many_adding_the_same_at_once_add_each_photo_once(user, photos):
    album = await user.create()
    mine = photos.make(user.user_id, 12)
    await asyncio.gather(*(user.add(album.id, (mine[turn:] + mine[:turn])[:8]) for turn in range(12)))
    assert sorted((await user.get(album.id)).photo_ids) == mine


async def test_many_adding_others_at_once_keep_each_ones_photos_together(user, photos):
    album = await user.create()
    groups = [photos.make(user.user_id, 4) for _ in range(12)]
    await asyncio.gather(*(user.add(album.id, group) for group in groups))
    got = (await user.get(album.id)).photo_ids
    assert sorted(got[start : start + 4] for start in range(0, len(got), 4)) == groups
