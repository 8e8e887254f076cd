"""The outbox, its relay and tombstones on the real broker and database: what was committed is told, and only that."""

import asyncio

import pytest
from mizzap_common import outbox, streams, tables, tombstones
from mizzap_common.db import Database
from mizzap_common.relay import Relay
from sqlalchemy import func, select, text, update

from libs.common.tests.hearing import (
    UPLOADED,
    committing,
    effects,
    hearing,
    keeping_quiet,
    publish,
    settled,
    uploaded,
)


async def test_the_relay_publishes_what_was_committed_and_nothing_else(nats_url: str, database: Database) -> None:
    async with hearing(nats_url, database, keeping_quiet(database)) as bus:
        async with database.begin() as session:
            await outbox.add(session, UPLOADED, uploaded(1))
        with pytest.raises(ZeroDivisionError):
            async with database.begin() as session:
                await outbox.add(session, UPLOADED, uploaded(2))
                _ = 1 / 0
        assert await Relay("photos", database, bus.jetstream).publish_batch() == 1
        await settled(bus)
        info = await bus.jetstream.stream_info(UPLOADED.stream)
        message = await bus.jetstream.get_msg(UPLOADED.stream, 1)
    assert info.state.messages == 1
    headers = message.headers or {}
    assert headers["ce-type"] == "photo.uploaded"
    assert headers["ce-source"] == "mizzap/photos"
    assert headers["ce-subject"] == "photo/1"
    assert headers["Nats-Msg-Id"] == headers["ce-id"]


async def test_what_the_broker_refuses_stays_in_the_outbox(nats_url: str, database: Database) -> None:
    async with hearing(nats_url, database, keeping_quiet(database)) as bus:
        await bus.jetstream.delete_stream(UPLOADED.stream)
        async with database.begin() as session:
            await outbox.add(session, UPLOADED, uploaded())
        relay = Relay("photos", database, bus.jetstream)
        with pytest.raises(Exception, match="no response from stream"):
            await relay.publish_batch()
        await streams.declare(bus.jetstream)
        assert await relay.publish_batch() == 1


async def test_a_rearmed_event_has_its_outcome_sent_again(nats_url: str, database: Database) -> None:
    """The broker lost what we published in answer to an event; the sweeper sends that event once more."""
    async with hearing(nats_url, database, committing(database)) as bus:
        event_id = await publish(bus)
        await settled(bus)
        relay = Relay("thumbs", database, bus.jetstream)
        assert await relay.publish_batch() == 1
        await bus.jetstream.publish(
            UPLOADED.subject, uploaded().to_json(), headers={"ce-id": event_id, "mizzap-attempt": "1"}
        )
        await settled(bus, 2)
        assert await relay.publish_batch() == 1
        second = await bus.jetstream.get_msg("THUMBS", 2)
    assert await effects(database) == 1
    assert (second.headers or {})["mizzap-attempt"] == "1"


async def test_a_broker_that_lost_its_disk_is_sent_everything_again(nats_url: str, database: Database) -> None:
    async with hearing(nats_url, database, committing(database)) as bus:
        relay = Relay("photos", database, bus.jetstream)
        await relay.check_epoch()
        async with database.begin() as session:
            await outbox.add(session, UPLOADED, uploaded())
        await relay.publish_batch()
        await settled(bus)
        assert await relay.publish_batch() == 1, "what the handler made of it"
        await relay.check_epoch()
        assert await relay.publish_batch() == 0, "nothing is lost: nothing is sent again"

        await bus.jetstream.delete_stream("PHOTOS")
        await streams.declare(bus.jetstream)
        await relay.check_epoch()
        assert await relay.publish_batch() == 2
        await settled(bus)
    assert await effects(database) == 1


async def test_events_that_commit_late_are_not_skipped(nats_url: str, database: Database) -> None:
    async with hearing(nats_url, database, keeping_quiet(database)) as bus:
        relay = Relay("photos", database, bus.jetstream)
        async with database.begin() as early:
            await outbox.add(early, UPLOADED, uploaded(1))
            async with database.begin() as late:
                await outbox.add(late, UPLOADED, uploaded(2))
            assert await relay.publish_batch() == 1
        assert await relay.publish_batch() == 1


async def test_two_relays_publish_each_event_once(nats_url: str, database: Database) -> None:
    async with hearing(nats_url, database, keeping_quiet(database)) as bus:
        async with database.begin() as session:
            for photo_id in range(150):
                await outbox.add(session, UPLOADED, uploaded(photo_id))
        relays = [Relay("photos", database, bus.jetstream) for _ in range(2)]
        counts = await asyncio.gather(*(relay.publish_batch() for relay in relays for _ in range(2)))
        assert sum(counts) == 150
        assert (await bus.jetstream.stream_info("PHOTOS")).state.messages == 150


async def test_a_tombstone_and_a_late_worker_never_miss_each_other(database: Database) -> None:
    """Whichever commits first: the worker sees the tombstone, or the deletion sees the worker's rows."""

    async def worker(photo_id: int) -> None:
        async with database.begin() as session:
            if not await tombstones.is_buried(session, photo_id, 7):
                await session.execute(text("INSERT INTO effects VALUES (:id)"), {"id": photo_id})

    async def deletion(photo_id: int) -> None:
        async with database.begin() as session:
            await tombstones.bury(session, photo_id, user_id=7)
            await session.execute(text("DELETE FROM effects WHERE photo_id = :id"), {"id": photo_id})

    for photo_id in range(0, 100, 5):
        batch = range(photo_id, photo_id + 5)
        await asyncio.gather(*(task(number) for number in batch for task in (worker, deletion)))
    assert await effects(database) == 0


async def test_old_events_are_forgotten_and_waiting_ones_never(nats_url: str, database: Database) -> None:
    async with hearing(nats_url, database, keeping_quiet(database)) as bus:
        relay = Relay("photos", database, bus.jetstream)
        async with database.begin() as session:
            for photo_id in (1, 2):
                await outbox.add(session, UPLOADED, uploaded(photo_id))
            old = tables.OUTBOX.c.about == "photo/1"
            await session.execute(
                update(tables.OUTBOX).where(old).values(published_at=func.now() - text("interval '40 days'"))
            )
        await relay.forget_old()
        async with database.begin() as session:
            left = (await session.execute(select(tables.OUTBOX.c.about))).scalars().all()
    assert left == ["photo/2"]
