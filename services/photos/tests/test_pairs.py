"""Duplicate pairs as dedup tells them: counted once, in whatever order it is told, beside whatever else happens."""

import asyncio
import random
from typing import Any

from mizzap_common.contracts import catalog, events, library
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing
from mizzap_common.testing import all_handled, eventually
from mizzap_photos import moving, repository, trash_repository
from sqlalchemy import text

from services.photos.tests.followers import Writer, delivery
from services.photos.tests.worlds import USER, World, inside, jpeg


async def test_pairs_are_counted_however_the_events_come(world: World) -> None:
    a, b = [(await world.upload(jpeg(seed), f"{seed}.jpg")).photo.id for seed in (1, 2)]
    pair = {"user_id": USER, "duplicate_id": 5, "primary_photo_id": a, "duplicate_photo_id": b}
    found = {"lane": "near", "match_type": "perceptual", "similarity_score": 0.9}
    for _ in range(2):
        await world.tell(catalog.DUPLICATE_DETECTED, events.DuplicateDetected(**pair, **found))
    await all_handled(world.bus.jetstream, "photos")
    assert [(await world.photo(number)).duplicate_count for number in (a, b)] == [1, 1]
    await world.tell(catalog.DUPLICATE_WITHDRAWN, events.DuplicateWithdrawn(**pair))
    await world.tell(catalog.DUPLICATE_DETECTED, events.DuplicateDetected(**pair, **found))
    await all_handled(world.bus.jetstream, "photos")
    assert [(await world.photo(number)).has_duplicates for number in (a, b)] == [False, False]

    async def said(pair: dict[str, int], action: Any, change: int) -> int:
        resolved = events.DuplicateResolved(**pair, action=action, change=change)
        await world.tell(catalog.DUPLICATE_RESOLVED, resolved)
        await all_handled(world.bus.jetstream, "photos")
        assert (await world.photo(a)).duplicate_count == (await world.photo(b)).duplicate_count
        return (await world.photo(a)).duplicate_count

    assert [await said(pair, action, 9) for action in ("pending", "confirmed")] == [0, 0], "withdrawn for good"
    other = {**pair, "duplicate_id": 6}
    # those of before there were numbers have 0
    words = (("pending", 0, 1), ("rejected", 0, 0), ("confirmed", 1, 1), ("kept_both", 2, 0), ("pending", 3, 1))
    for action, change, count in words:
        assert await said(other, action, change) == count, action
    assert await said(other, "kept_both", 2) == 1, "an earlier word that comes late"
    await world.tell(catalog.DUPLICATE_DETECTED, events.DuplicateDetected(**other, **found))
    await all_handled(world.bus.jetstream, "photos")
    await world.delete(b)
    assert (await world.photo(a)).duplicate_count == 0


async def test_a_pair_and_a_deletion_at_the_same_time_do_not_wait_in_a_circle(
    database: Database, ring: KeyRing, user_id: int
) -> None:
    """The word about a pair comes while the deletion holds the photos, and the deletion then wants the pair."""
    photos = inside(database, ring)
    writer = Writer(photos, user_id, random.Random(1))
    kept, gone = await writer.register(), await writer.register()
    pair = {"user_id": user_id, "duplicate_id": kept, "primary_photo_id": kept, "duplicate_photo_id": gone}

    async def say(change: int) -> None:
        said = events.DuplicateResolved(**pair, action="confirmed", change=change)
        await photos.pair_changed(said, delivery())

    async def count() -> int:
        return (await photos.get(library.PhotoRequest(user_id=user_id, photo_id=kept))).duplicate_count

    await say(1)
    assert await count() == 1
    async with database.begin() as session:
        locked = await trash_repository.lock_with_partners(session, user_id, [gone])
        word = asyncio.create_task(say(2))
        await eventually(lambda: word.done() or somebody_waits(database))
        await moving.away(session, user_id, locked)
    await word
    assert await count() == 0
    async with database.begin() as session:
        assert await repository.get(session, user_id, gone) is None


async def somebody_waits(database: Database) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with database.begin() as session:
        return bool((await session.execute(text(waiting))).scalar_one())
