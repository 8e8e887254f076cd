"""Delivery on the real broker and database: every guarantee of docs/architecture.md, one test each."""

import asyncio

import pytest
from mizzap_common import streams
from mizzap_common.contracts.events import PhotoUploaded
from mizzap_common.db import Database
from mizzap_common.errors import Permanent
from mizzap_common.inbox import Delivery

from libs.common.tests.hearing import (
    FAST,
    UPLOADED,
    committing,
    dead_letters,
    effects,
    hearing,
    publish,
    settled,
    uploaded,
)


async def test_the_same_event_takes_effect_once(nats_url: str, database: Database) -> None:
    async with hearing(nats_url, database, committing(database)) as bus:
        event_id = await publish(bus)
        await bus.jetstream.publish(
            UPLOADED.subject, uploaded().to_json(), headers={"ce-id": event_id, "Nats-Msg-Id": "again"}
        )
        await settled(bus, 2)
    assert await effects(database) == 1


async def test_failures_come_again_until_they_succeed(nats_url: str, database: Database) -> None:
    attempts: list[int] = []
    commit = committing(database)

    async def flaky(payload: PhotoUploaded, delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if len(attempts) < 3:
            raise OSError("the store is away")
        await commit(payload, delivery)

    async with hearing(nats_url, database, flaky) as bus:
        await publish(bus)
        await settled(bus)
        assert await dead_letters(bus) == []
    assert attempts == [1, 2, 3]
    assert await effects(database) == 1


async def test_a_handler_that_hangs_is_ended_and_comes_again(
    nats_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mizzap_common.delivery.PATIENCE_SECONDS", 0.5)
    commit = committing(database)

    async def hanging(payload: PhotoUploaded, delivery: Delivery) -> None:
        if delivery.attempt == 1:
            await asyncio.Event().wait()
        await commit(payload, delivery)

    async with hearing(nats_url, database, hanging) as bus:
        await publish(bus)
        await settled(bus)
    assert await effects(database) == 1


async def test_after_the_last_try_it_is_a_dead_letter(nats_url: str, database: Database) -> None:
    tries = 0

    async def broken(payload: PhotoUploaded, delivery: Delivery) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError("always")

    async with hearing(nats_url, database, broken) as bus:
        event_id = await publish(bus)
        await settled(bus)
        (letter,) = await dead_letters(bus)
    assert tries == len(FAST) + 1
    assert letter["mizzap-dead-code"] == "RETRIES_EXHAUSTED"
    assert letter["mizzap-dead-reason"] == "RuntimeError: always"
    assert letter["mizzap-dead-attempts"] == str(tries)
    assert letter["ce-id"] == event_id


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"photoId": "x"}', b"\xff"])
async def test_what_is_no_event_is_a_dead_letter_at_once(nats_url: str, database: Database, body: bytes) -> None:
    async with hearing(nats_url, database, committing(database)) as bus:
        await publish(bus, body=body)
        await settled(bus)
        (letter,) = await dead_letters(bus)
    assert letter["mizzap-dead-code"] == "INVALID_PAYLOAD"
    assert letter["mizzap-dead-attempts"] == "1"


async def test_permanent_is_a_dead_letter_at_once(nats_url: str, database: Database) -> None:
    async def refuse(payload: PhotoUploaded, delivery: Delivery) -> None:
        raise Permanent("NO_SUCH_THING", "It\nnever was.")

    async with hearing(nats_url, database, refuse) as bus:
        await publish(bus)
        await settled(bus)
        (letter,) = await dead_letters(bus)
    assert (letter["mizzap-dead-code"], letter["mizzap-dead-reason"]) == ("NO_SUCH_THING", "It never was.")


async def test_long_work_is_not_delivered_twice(
    nats_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "ACK_WAIT_SECONDS", 1.0)
    monkeypatch.setattr("mizzap_common.delivery.ACK_WAIT_SECONDS", 1.0)
    started = 0
    commit = committing(database)

    async def slow(payload: PhotoUploaded, delivery: Delivery) -> None:
        nonlocal started
        started += 1
        await asyncio.sleep(2.5)  # the work itself: longer than twice the ack wait
        await commit(payload, delivery)

    async with hearing(nats_url, database, slow) as bus:
        await publish(bus)
        await settled(bus)
    assert started == 1
