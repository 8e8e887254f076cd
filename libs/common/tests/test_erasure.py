"""Erasure of a user within one service: everything of theirs goes, nothing of others', and nothing comes after it."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest
from mizzap_common import erasure, outbox, tables, testing, tombstones
from mizzap_common.contracts import catalog, events
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure
from mizzap_common.inbox import AlreadyHandled, Delivery, UserErased
from mizzap_common.tables import OUTBOX, TOMBSTONES
from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, Table, Text, func, insert, select, text, update

from libs.common.tests.hearing import dead_letters, hearing, publish, settled

ERASED, OTHER = 7, 8
metadata = MetaData()
DIARIES = Table("diaries", metadata, Column("id", BigInteger, primary_key=True), Column("user_id", BigInteger))
PAGES = Table("pages", metadata, Column("diary_id", ForeignKey("diaries.id", ondelete="CASCADE")))
GROUPS = Table("groups", metadata, Column("owner_id", BigInteger), Column("name", Text))
tables.add_to(metadata)


@pytest.fixture
async def database(make_database: Callable[[str], str]):
    made = Database(make_database("erasure"))
    async with made.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield made
    await made.close()


def requested(asked: int = 1, user_id: int = ERASED) -> events.UserErasureRequested:
    return events.UserErasureRequested(user_id=user_id, erasure_id="e", asked=asked)


def coming(user_id: int | None = None) -> Delivery:
    return Delivery("tests", uuid4(), user_id=user_id)


async def count(database: Database, table: Table, *conditions) -> int:
    async with database.begin() as session:
        return (await session.execute(select(func.count()).select_from(table).where(*conditions))).scalar_one()


async def fill(database: Database) -> None:
    async with database.begin() as session:
        for user_id in (ERASED, OTHER):
            await session.execute(insert(DIARIES).values(id=user_id, user_id=user_id))
            await session.execute(insert(PAGES).values(diary_id=user_id))
            await session.execute(insert(GROUPS).values(owner_id=user_id, name="x"))
            await session.execute(insert(TOMBSTONES).values(photo_id=user_id, user_id=user_id))
            for _ in range(2):
                await outbox.add(session, catalog.PHOTO_PROCESSED, events.PhotoProcessed(user_id=user_id, photo_id=1))
        published = select(func.min(OUTBOX.c.seq)).group_by(OUTBOX.c.payload)
        await session.execute(update(OUTBOX).where(OUTBOX.c.seq.in_(published)).values(published_at=func.now()))


async def receipts(database: Database) -> list[events.ErasureReceipt]:
    async with database.begin() as session:
        told = await session.scalars(
            select(OUTBOX.c.payload).where(OUTBOX.c.subject == "photos.erased").order_by(OUTBOX.c.seq)
        )
        return [events.ErasureReceipt.model_validate_json(payload) for payload in told]


async def test_everything_of_the_user_goes_and_nothing_of_others(database: Database) -> None:
    await fill(database)
    await Erasure(database, metadata, catalog.PHOTOS_ERASED).erase(requested(), coming())
    for table in (DIARIES, PAGES, GROUPS, TOMBSTONES):
        assert await count(database, table) == 1, table.name
    assert await count(database, GROUPS, GROUPS.c.owner_id == OTHER) == 1
    # what waits for the relay is told first
    assert await count(database, OUTBOX, OUTBOX.c.subject == "photo.processed") == 3
    (receipt,) = await receipts(database)
    assert (receipt.user_id, receipt.asked, receipt.rows, receipt.objects) == (ERASED, 1, 4, 0)


async def test_asked_again_it_takes_what_has_appeared_since(database: Database) -> None:
    service = Erasure(database, metadata, catalog.PHOTOS_ERASED)
    await service.erase(requested(), coming())
    async with database.begin() as session:
        await session.execute(insert(GROUPS).values(owner_id=ERASED, name="late"))
    await service.erase(requested(asked=2), coming())
    assert await count(database, GROUPS) == 0
    assert [(r.asked, r.rows) for r in await receipts(database)] == [(1, 0), (2, 1)]


async def test_broken_off_it_is_done_to_the_end_the_next_time(database: Database) -> None:
    await fill(database)
    delivery = coming()

    async def fail(_: int) -> int:
        raise OSError

    with pytest.raises(OSError):
        await Erasure(database, metadata, catalog.PHOTOS_ERASED, fail).erase(requested(), delivery)
    assert await receipts(database) == []

    async def three(_: int) -> int:
        return 3

    await Erasure(database, metadata, catalog.PHOTOS_ERASED, three).erase(requested(), delivery)
    assert [receipt.objects for receipt in await receipts(database)] == [3]
    with pytest.raises(AlreadyHandled):
        await Erasure(database, metadata, catalog.PHOTOS_ERASED, three).erase(requested(), delivery)


async def test_an_event_about_an_erased_user_has_no_effect(database: Database) -> None:
    await Erasure(database, metadata, catalog.PHOTOS_ERASED).erase(requested(), coming())
    with pytest.raises(UserErased):
        async with database.effect(coming(ERASED)) as session:
            await session.execute(insert(GROUPS).values(owner_id=ERASED, name="back"))
    async with database.effect(coming(OTHER)) as session:
        await session.execute(insert(GROUPS).values(owner_id=OTHER, name="here"))
    assert await count(database, GROUPS) == 1


async def test_a_photo_of_an_erased_user_is_buried_too(database: Database) -> None:
    async with database.begin() as session:
        await tombstones.bury_user(session, ERASED)
    async with database.begin() as session:
        assert await tombstones.is_buried(session, 1, ERASED)
        assert not await tombstones.is_buried(session, 1, OTHER)
        assert await tombstones.buried_among(session, [1, 2], ERASED) == {1, 2}
        assert await tombstones.buried_among(session, [1, 2], OTHER) == set()
        assert await tombstones.buried_users_among(session, [OTHER, ERASED]) == {ERASED}
        assert await tombstones.buried_users_among(session, []) == set()


async def somebody_waits(database: Database) -> bool:
    """Whether a transaction of this database waits for an advisory lock."""
    mine = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    async with database.begin() as session:
        found = await session.execute(
            text(f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND {mine}")
        )
        return found.first() is not None


async def race(database: Database) -> int:
    """A worker has looked and is about to write when its user is erased; how many rows stay."""
    service = Erasure(database, metadata, catalog.PHOTOS_ERASED)

    async def waits_or_is_done() -> bool:
        return erasing.done() or await somebody_waits(database)

    async with database.effect(coming(ERASED)) as session:
        erasing = asyncio.create_task(service.erase(requested(), coming()))
        await testing.eventually(waits_or_is_done, 20)
        await session.execute(insert(GROUPS).values(owner_id=ERASED, name="work"))
    await erasing
    return await count(database, GROUPS)


async def test_an_erasure_waits_for_a_worker_that_is_committing(database: Database) -> None:
    assert await race(database) == 0


async def test_without_a_look_for_the_tombstone_a_late_worker_s_rows_stay(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: nobody looks whether the user is gone. The race above must see it."""

    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(tombstones, "is_user_buried", never)
    assert await race(database) == 1


async def test_what_fails_for_an_erased_user_is_no_dead_letter(nats_url: str, database: Database) -> None:
    """Their originals are gone: the handler fails before it looks for a tombstone."""
    tries = 0

    async def fails(_: events.PhotoUploaded, __: Delivery) -> None:
        nonlocal tries
        tries += 1
        raise OSError("no such original")

    async with database.begin() as session:
        await tombstones.bury_user(session, ERASED)
    async with hearing(nats_url, database, fails) as bus:
        await publish(bus)
        await settled(bus)
        assert tries == 1 and await dead_letters(bus) == []


async def test_only_tables_that_say_so_outlive_their_user() -> None:
    outliving = [table.name for table in metadata.sorted_tables if table.info.get("outlives_user")]
    assert outliving == ["user_tombstones"]
    assert [c.name for c in erasure.owner_columns(metadata.tables["groups"])] == ["owner_id"]
