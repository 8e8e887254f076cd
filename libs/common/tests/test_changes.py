"""The change feed: in the order of the commits, complete from any cursor, one row a thing."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from mizzap_common import changes
from mizzap_common.contracts.feed import ChangesRequest
from mizzap_common.cursors import InvalidCursor
from mizzap_common.db import Database
from mizzap_common.restoring import restored
from mizzap_common.settings import DatabaseSettings
from pydantic import SecretStr
from sqlalchemy import MetaData, delete, update

USER, OTHER = 1, 2


@pytest.fixture
async def feed(make_database: Callable[[str], str]) -> AsyncIterator[Database]:
    made = Database(make_database("changes"))
    metadata = MetaData()
    changes.add_to(metadata)
    async with made.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield made
    await made.close()


async def noted(feed: Database, *things: int, user: int = USER, deleted: bool = False) -> None:
    async with feed.begin() as session:
        changes.note(session, user, "photo", *things, deleted=deleted)


async def read(feed: Database, after: int = 0, user: int = USER, limit: int = 100) -> list[tuple[str, int, int]]:
    async with feed.begin() as session:
        found = await changes.since(session, ChangesRequest(user_id=user, after=after, limit=limit))
    return [(change.change, change.thing_id, change.seq) for change in found.changes[:limit]]


async def test_a_reader_sees_what_is_new_changed_and_gone(feed: Database) -> None:
    await noted(feed, 10, 11)
    assert await read(feed) == [("created", 10, 1), ("created", 11, 2)]
    await noted(feed, 10)
    await noted(feed, 11, deleted=True)
    assert await read(feed, after=2) == [("changed", 10, 3), ("deleted", 11, 4)]
    # who begins now needs no history
    assert await read(feed) == [("created", 10, 3), ("deleted", 11, 4)]


async def test_what_comes_back_is_new_to_who_heard_that_it_was_gone(feed: Database) -> None:
    await noted(feed, 10)
    await noted(feed, 10, deleted=True)
    assert await read(feed, after=1) == [("deleted", 10, 2)]
    await noted(feed, 10)
    assert await read(feed, after=2) == [("created", 10, 3)]


async def test_any_number_of_things_may_change_at_once(feed: Database) -> None:
    await noted(feed, *range(30_000))
    assert await read(feed, after=29_999) == [("created", 29_999, 30_000)]


async def test_nobody_reads_anybody_elses(feed: Database) -> None:
    await noted(feed, 10)
    assert await read(feed, user=OTHER) == []


async def test_what_is_rolled_back_never_was(feed: Database) -> None:
    with pytest.raises(RuntimeError):
        async with feed.begin() as session:
            changes.note(session, USER, "photo", 10)
            raise RuntimeError
    await noted(feed, 11)
    assert await read(feed) == [("created", 11, 1)]


async def test_a_reader_who_follows_a_page_at_a_time_misses_nothing(feed: Database) -> None:
    """The trap of feeds by sequence: a number that is drawn early and committed late."""
    seen: set[int] = set()
    cursor = 0
    writers_done = asyncio.Event()

    async def write(first: int) -> None:
        for thing in range(first, first + 20):
            async with feed.begin() as session:
                changes.note(session, USER, "photo", thing)
                await asyncio.sleep(0)  # lets others begin in between

    async def follow() -> None:
        nonlocal cursor
        while True:
            last_round = writers_done.is_set()
            page = await read(feed, after=cursor, limit=7)
            seen.update(thing for _, thing, _ in page)
            cursor = page[-1][2] if page else cursor
            if last_round and not page:
                return

    reader = asyncio.create_task(follow())
    await asyncio.gather(*(write(100 * number) for number in range(1, 5)))
    writers_done.set()
    await reader
    assert seen == {100 * number + step for number in range(1, 5) for step in range(20)}


# --- a database that comes out of a backup ---------------------------------------------------------------------------


async def look(feed: Database, after: int, epoch: int = 0) -> changes.Found:
    async with feed.begin() as session:
        return await changes.since(session, ChangesRequest(user_id=USER, after=after, epoch=epoch))


async def put_back(feed: Database, head: int) -> None:
    """As a backup has it that was made when this was the user's last change."""
    async with feed.begin() as session:
        await session.execute(delete(changes.CHANGES).where(changes.CHANGES.c.seq > head))
        await session.execute(update(changes.CHANGE_HEADS).values(seq=head))


async def run_restored(feed: Database) -> None:
    url = feed.engine.url.render_as_string(hide_password=False)
    await asyncio.to_thread(restored, DatabaseSettings(database_url=SecretStr(url)), [])


async def test_who_is_ahead_of_a_backup_has_to_begin_again(feed: Database) -> None:
    await noted(feed, 10, 11, 12)
    await put_back(feed, head=2)
    with pytest.raises(InvalidCursor) as refused:
        await look(feed, after=3)
    assert "restored" in refused.value.message
    assert [change.seq for change in (await look(feed, after=1)).changes] == [2]


async def test_a_feed_that_has_caught_up_with_a_reader_again_is_not_taken_for_the_same(feed: Database) -> None:
    await noted(feed, 10, 11, 12)
    await put_back(feed, head=2)
    await run_restored(feed)
    await noted(feed, 20, 21)
    for after in (1, 3, 4):
        with pytest.raises(InvalidCursor):
            await look(feed, after)
    anew = await look(feed, after=0)
    assert [change.thing_id for change in anew.changes] == [10, 11, 20, 21]
    assert [change.seq for change in (await look(feed, after=3, epoch=anew.epoch)).changes] == [4]
    # and once more, out of the same backup
    await put_back(feed, head=2)
    await run_restored(feed)
    await noted(feed, 30, 31)
    with pytest.raises(InvalidCursor):
        await look(feed, after=3, epoch=anew.epoch)


async def test_who_has_heard_of_nothing_yet_goes_on_after_a_backup(feed: Database) -> None:
    assert (await look(feed, after=0)).changes == []
    await run_restored(feed)
    await noted(feed, 10)
    assert [change.thing_id for change in (await look(feed, after=0, epoch=0)).changes] == [10]
