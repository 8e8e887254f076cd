"""The trash: hidden everywhere, restored as it was, gone for good when its time is over."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from mizzap_common.contracts import catalog, events, keeping, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import InvalidInput, NotFound
from mizzap_common.inbox import Delivery
from mizzap_common.sealed import KeyRing
from mizzap_common.storage import original_key
from mizzap_common.testing import all_handled, published
from mizzap_photos.quotas import Quotas
from mizzap_photos.service import to_answer
from mizzap_photos.trash import Trash

from services.photos.tests.worlds import USER, World, jpeg

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
async def database(world: World) -> AsyncIterator[Database]:
    database = Database(world.settings.database_url.get_secret_value())
    yield database
    await database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trash(world: World, database: Database, clock: Clock, ring: KeyRing) -> Trash:
    return Trash(database, world.settings, partial(to_answer, ring), clock)


async def in_trash(world: World, user_id: int = USER) -> list[int]:
    page = await world.bus.ask(requests.PHOTOS_TRASH, keeping.ListTrash(user_id=user_id))
    assert page.total == len(page.photos)
    return [photo.id for photo in page.photos]


async def restore(world: World, photo_id: int) -> library.Photo:
    return await world.bus.ask(requests.PHOTOS_RESTORE, library.PhotoRequest(user_id=USER, photo_id=photo_id))


async def seen(world: World, photo_id: int, sha256: str) -> dict[str, bool]:
    """Where a user comes upon the photo."""
    about = library.PhotoRequest(user_id=USER, photo_id=photo_id)

    async def answers(method: requests.Method[library.PhotoRequest, object]) -> bool:
        try:
            await world.bus.ask(method, about)  # type: ignore[type-var]
        except NotFound as refusal:
            assert refusal.message == "There is no such photo."
            return False
        return True

    page = await world.bus.ask(requests.PHOTOS_LIST, library.ListPhotos(user_id=USER))
    assert page.total == len(page.photos)
    names = await world.bus.ask(requests.PHOTOS_NAMES, library.PhotosRequest(user_id=USER, photo_ids=[photo_id]))
    jobs = await world.bus.ask(requests.PHOTOS_JOBS, library.ListJobs(user_id=USER, photo_id=photo_id))
    known = await world.bus.ask(requests.PHOTOS_PRECHECK, library.Precheck(user_id=USER, sha256=[sha256]))
    assert len(known.known) == 1, "its bytes are there, and need not be sent"
    progress = await world.bus.ask(requests.PHOTOS_PROGRESS, library.UserRequest(user_id=USER))
    return {
        "get": await answers(requests.PHOTOS_GET),
        "original": await answers(requests.PHOTOS_ORIGINAL),
        "list": photo_id in [photo.id for photo in page.photos],
        "names": bool(names.photos),
        "jobs": bool(jobs.jobs),
        "file name": bool(known.known[0].file_names or known.known[0].photo_ids),
        "progress": progress.photos > 0,
    }


async def test_what_is_deleted_is_hidden_everywhere_and_restored_as_it_was(world: World) -> None:
    photo_id = (await world.upload(jpeg())).photo.id
    await world.finish_steps(photo_id)
    await world.told(catalog.PHOTO_PROCESSED, 1)
    before = await world.photo(photo_id)
    assert set((await seen(world, photo_id, before.sha256)).values()) == {True}

    for _ in range(2):
        await world.delete(photo_id, permanent=False)
    assert set((await seen(world, photo_id, before.sha256)).values()) == {False}
    assert await in_trash(world) == [photo_id] and await in_trash(world, USER + 1) == []
    (trashed,) = await world.told(catalog.PHOTO_TRASHED, 1)
    assert (trashed.photo_id, trashed.version) == (photo_id, 1)

    for _ in range(2):
        assert await restore(world, photo_id) == before
    assert set((await seen(world, photo_id, before.sha256)).values()) == {True}
    assert await in_trash(world) == []
    (restored,) = await world.told(catalog.PHOTO_RESTORED, 1)
    assert (restored.photo_id, restored.version) == (photo_id, 2), "the later word has the higher version"
    assert await published(world.bus.jetstream, catalog.PHOTO_DELETED) == []


async def test_the_trash_says_until_when_a_photo_is_kept(world: World, trash: Trash, clock: Clock) -> None:
    first, second = [(await world.upload(jpeg(seed), f"{seed}.jpg")).photo.id for seed in (1, 2)]
    await trash.delete(keeping.DeletePhoto(user_id=USER, photo_id=first))
    clock.time += timedelta(hours=1)
    await trash.delete(keeping.DeletePhoto(user_id=USER, photo_id=second))
    page = await trash.list(keeping.ListTrash(user_id=USER))
    assert [(photo.id, photo.trashed_at, photo.deleted_after) for photo in page.photos] == [
        (second, clock.time, clock.time + timedelta(days=7)),
        (first, NOON, NOON + timedelta(days=7)),
    ]
    page = await trash.list(keeping.ListTrash(user_id=USER, page=2, limit=1))
    assert ([photo.id for photo in page.photos], page.total) == ([first], 2)


async def test_the_same_file_sent_again_comes_back_from_the_trash(world: World) -> None:
    photo = (await world.upload(jpeg())).photo
    await world.delete(photo.id, permanent=False)
    again = await world.upload(jpeg())
    assert (again.photo.id, again.created) == (photo.id, False)
    assert await in_trash(world) == []
    await world.told(catalog.PHOTO_RESTORED, 1)
    # under another name it is another photo, and the one in the trash stays there
    await world.delete(photo.id, permanent=False)
    adopt = library.AdoptPhoto(user_id=USER, file_name="b.jpg", sha256=photo.sha256)
    other = await world.bus.ask(requests.PHOTOS_ADOPT, adopt)
    assert other.created and await in_trash(world) == [photo.id]
    adopted = await world.bus.ask(requests.PHOTOS_ADOPT, adopt.model_copy(update={"file_name": "a.jpg"}))
    assert (adopted.photo.id, adopted.created) == (photo.id, False)


async def test_what_lies_in_the_trash_keeps_its_bytes_until_it_is_deleted_for_good(world: World) -> None:
    photo = (await world.upload(jpeg())).photo
    key = original_key(USER, photo.sha256)
    await world.delete(photo.id, permanent=False)
    await all_handled(world.bus.jetstream, "photos")
    assert await world.storage.stat(key)
    await world.delete(photo.id)
    await world.told(catalog.PHOTO_DELETED, 1)
    await all_handled(world.bus.jetstream, "photos")
    assert await world.storage.stat(key) is None and await in_trash(world) == []
    with pytest.raises(NotFound):
        await restore(world, photo.id)


async def test_duplicates_in_the_trash_are_not_counted(world: World) -> None:
    a, b = [(await world.upload(jpeg(seed), f"{seed}.jpg")).photo.id for seed in (1, 2)]
    pair = {"user_id": USER, "duplicate_id": 5, "primary_photo_id": a, "duplicate_photo_id": b}
    found = {"lane": "near", "match_type": "perceptual", "similarity_score": 0.9}
    await world.tell(catalog.DUPLICATE_DETECTED, events.DuplicateDetected(**pair, **found))
    await all_handled(world.bus.jetstream, "photos")
    await world.delete(b, permanent=False)
    assert (await world.photo(a)).has_duplicates is False
    assert (await restore(world, b)).duplicate_count == 1
    assert (await world.photo(a)).duplicate_count == 1


async def test_the_time_in_the_trash_is_its_owners_tiers(
    world: World, trash: Trash, clock: Clock, database: Database
) -> None:
    premium = USER + 1
    mine = (await world.upload(jpeg(1))).photo.id
    theirs = (await world.upload(jpeg(2), user_id=premium)).photo.id
    told = events.UserTierChanged(user_id=premium, tier="premium")
    await Quotas(database, world.settings).tier_changed(told, Delivery("photos-user-tier_changed", uuid4()))
    for user_id, photo_id in ((USER, mine), (premium, theirs)):
        await trash.delete(keeping.DeletePhoto(user_id=user_id, photo_id=photo_id))
    for days, purged, left in ((6.99, 0, [mine, theirs]), (7, 1, [theirs]), (29.99, 0, [theirs]), (30, 1, [])):
        clock.time = NOON + timedelta(days=days)
        assert await trash.purge() == purged
        assert [*await in_trash(world), *await in_trash(world, premium)] == left
    assert [gone.photo_id for gone in await world.told(catalog.PHOTO_DELETED, 2)] == [mine, theirs]
    await all_handled(world.bus.jetstream, "photos")
    assert await world.storage.list(f"user-{premium}/") == []


async def keep(world: World, user_id: int, days: int) -> keeping.Usage:
    return await world.bus.ask(requests.PHOTOS_KEEP_TRASH, keeping.KeepTrash(user_id=user_id, days=days))


async def test_a_user_chooses_how_long_the_trash_keeps_within_what_the_tier_does(
    world: World, trash: Trash, clock: Clock, database: Database
) -> None:
    premium, quotas = USER + 1, Quotas(database, world.settings)
    tiers: tuple[events.Tier, ...] = ("premium", "free")
    told = [events.UserTierChanged(user_id=premium, tier=tier) for tier in tiers]
    await quotas.tier_changed(told[0], Delivery("photos-user-tier_changed", uuid4()))
    for user_id, days, most in ((USER, 8, 7), (USER, 6, 7), (premium, 31, 30), (premium, 6, 30)):
        with pytest.raises(InvalidInput) as refusal:
            await keep(world, user_id, days)
        assert refusal.value.details == {"field": "days", "value": days, "least": 7, "most": most}
    assert (await keep(world, USER, 7)).trash_days == 7
    assert (await keep(world, premium, 14)).trash_days == 14

    theirs = (await world.upload(jpeg(2), user_id=premium)).photo.id
    await trash.delete(keeping.DeletePhoto(user_id=premium, photo_id=theirs))
    (shown,) = (await trash.list(keeping.ListTrash(user_id=premium))).photos
    assert shown.deleted_after == NOON + timedelta(days=14)
    clock.time = NOON + timedelta(days=13.99)
    assert await trash.purge() == 0
    # the free tier keeps no longer than a week, whatever was wished before
    await quotas.tier_changed(told[1], Delivery("photos-user-tier_changed", uuid4()))
    usage = await world.bus.ask(requests.PHOTOS_USAGE, library.UserRequest(user_id=premium))
    assert usage.trash_days == 7
    await quotas.tier_changed(told[0], Delivery("photos-user-tier_changed", uuid4()))
    assert await trash.purge() == 0
    clock.time = NOON + timedelta(days=14)
    assert await trash.purge() == 1


async def test_the_purge_takes_all_that_is_due_and_no_batch_too_few(
    world: World, trash: Trash, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mizzap_photos.trash._BATCH", 2)
    ids = [(await world.upload(jpeg(1), f"{number}.jpg")).photo.id for number in range(7)]
    for photo_id in ids[:5]:
        await trash.delete(keeping.DeletePhoto(user_id=USER, photo_id=photo_id))
    clock.time += timedelta(days=8)
    # two replicas at the same moment
    assert sum(await asyncio.gather(trash.purge(), trash.purge())) == 5
    assert len(await world.told(catalog.PHOTO_DELETED, 5)) == 5
    page = await world.bus.ask(requests.PHOTOS_LIST, library.ListPhotos(user_id=USER))
    assert sorted(photo.id for photo in page.photos) == ids[5:]


async def test_what_is_restored_while_the_purge_looks_stays(
    world: World, trash: Trash, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo_id = (await world.upload(jpeg())).photo.id
    await trash.delete(keeping.DeletePhoto(user_id=USER, photo_id=photo_id))
    clock.time += timedelta(days=8)
    purge = trash._purge

    async def late(user_id: int, trashed: dict[int, datetime]) -> int:
        await restore(world, photo_id)
        return await purge(user_id, trashed)

    monkeypatch.setattr(trash, "_purge", late)
    assert await trash.purge() == 0
    assert (await world.photo(photo_id)).id == photo_id


async def test_moves_at_the_same_time_end_where_the_last_one_says(world: World) -> None:
    """Trashing, restoring and counting pairs cross each other; nobody waits in a circle and no word is lost."""
    ids = [(await world.upload(jpeg(1), f"{number}.jpg")).photo.id for number in range(6)]
    for number, (a, b) in enumerate(itertools.pairwise(ids)):
        pair = {"user_id": USER, "duplicate_id": number, "primary_photo_id": b, "duplicate_photo_id": a}
        found = {"lane": "near", "match_type": "perceptual", "similarity_score": 0.9}
        await world.tell(catalog.DUPLICATE_DETECTED, events.DuplicateDetected(**pair, **found))
    await all_handled(world.bus.jetstream, "photos")

    def batch(action: str, photo_ids: list[int]) -> keeping.BatchAction:
        return keeping.BatchAction(user_id=USER, action=action, photo_ids=photo_ids)  # type: ignore[arg-type]

    work = [
        world.bus.ask(requests.PHOTOS_BATCH, batch(action, order[start : start + 3]))
        for action in ("delete", "restore")
        for order in (ids, ids[::-1])
        for start in range(4)
    ]
    async with asyncio.timeout(30):
        await asyncio.gather(*work)
    await world.bus.ask(requests.PHOTOS_BATCH, batch("restore", ids))
    moves = [*await published_all(world), *await published(world.bus.jetstream, catalog.PHOTO_RESTORED)]
    assert len({(move.photo_id, move.version) for move in moves}) == len(moves), "each move has a version of its own"
    counts = [(await world.photo(photo_id)).duplicate_count for photo_id in ids]
    assert counts == [1, 2, 2, 2, 2, 1]


async def published_all(world: World) -> list[events.PhotoTrashed]:
    return await published(world.bus.jetstream, catalog.PHOTO_TRASHED)
