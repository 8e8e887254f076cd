"""Photos in the trash: the last word counts, in whatever order the words arrive."""

import itertools
from collections.abc import AsyncIterator, Callable

import pytest
from mizzap_common import hidden, tables, tombstones
from mizzap_common.contracts import events
from mizzap_common.db import Database
from sqlalchemy import MetaData, select

USER, PHOTO = 1, 10


@pytest.fixture
async def database(make_database: Callable[[str], str]) -> AsyncIterator[Database]:
    made = Database(make_database("hidden"))
    metadata = MetaData()
    tables.add_to(metadata)
    hidden.add_to(metadata)
    async with made.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield made
    await made.close()


async def tell(database: Database, version: int, photo_id: int = PHOTO, user_id: int = USER) -> bool:
    """Odd versions go into the trash, even ones come out."""
    async with database.begin() as session:
        event = events.PhotoTrashed(user_id=user_id, photo_id=photo_id, version=version)
        return await hidden.tell(session, event, hidden=version % 2 == 1)


async def is_hidden(database: Database, photo_id: int = PHOTO, user_id: int = USER) -> bool:
    async with database.begin() as session:
        return photo_id in await hidden.hidden_among(session, user_id, [photo_id])


async def test_the_last_word_counts_in_every_order_and_however_often(database: Database) -> None:
    for photo_id, order in enumerate(itertools.permutations((1, 2, 3, 3))):
        news = [await tell(database, version, photo_id) for version in order]
        assert await is_hidden(database, photo_id), order
        assert news == [version > max((0, *order[:at])) for at, version in enumerate(order)]


async def test_a_late_word_does_not_hide_what_is_restored(database: Database) -> None:
    assert await tell(database, 2)
    assert not await tell(database, 1)
    assert not await is_hidden(database)


async def test_a_deleted_photo_leaves_no_word_and_hears_none(database: Database) -> None:
    await tell(database, 1)
    async with database.begin() as session:
        await tombstones.bury_all(session, [PHOTO, PHOTO + 1], USER)
        await tombstones.bury_all(session, [], USER)
        await hidden.forget(session, USER + 1, PHOTO)
        assert await hidden.hidden_among(session, USER, [PHOTO]) == {PHOTO}, "nobody else's to forget"
        await hidden.forget(session, USER, PHOTO)
    for photo_id in (PHOTO, PHOTO + 1):
        assert not await tell(database, 3, photo_id)
    async with database.begin() as session:
        assert (await session.execute(select(hidden.HIDDEN_PHOTOS))).all() == []


async def test_only_ones_own_are_seen(database: Database) -> None:
    await tell(database, 1)
    assert not await is_hidden(database, user_id=USER + 1)
