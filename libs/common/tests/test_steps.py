"""That a step begins is said once its work does, and whether anybody hears it is nobody's business."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events, steps
from mizzap_common.contracts.steps import Start
from mizzap_common.db import Database
from mizzap_common.inbox import Delivery
from mizzap_common.testing import eventually, publish_event

from libs.common.tests.hearing import effects, keeping_quiet, on_fresh_streams, publish, uploaded

Work = Callable[[events.PhotoUploaded, Delivery], Awaitable[None]]


class Listener:
    """What some photos services hear together."""

    def __init__(self) -> None:
        self.heard: list[Start] = []


@pytest.fixture
async def listener(nats_url: str) -> AsyncIterator[Listener]:
    made, buses = Listener(), [Bus("photos", nats_url) for _ in range(2)]
    for bus in buses:
        await bus.connect()
        await bus.hear_started(made.heard.append)
        await bus.client.flush()
    yield made
    for bus in buses:
        await bus.stop()


@asynccontextmanager
async def thumbs(url: str, database: Database, work: Work) -> AsyncIterator[Bus]:
    bus = Bus("thumbs", url, database)
    bus.on(catalog.PHOTO_UPLOADED, bus.as_step(work))
    bus.on(catalog.PROCESSING_REQUESTED, bus.as_step(work))
    async with on_fresh_streams(bus):
        yield bus


def requested(photo_id: int, *wanted: events.Step) -> events.ProcessingRequested:
    return events.ProcessingRequested(**uploaded(photo_id).model_dump(), steps=list(wanted))


async def settled(bus: Bus, *about: catalog.Event[events.UserEvent]) -> None:
    """Until this service has acknowledged all of these events."""

    async def nothing_left() -> bool:
        infos = [await bus.jetstream.consumer_info(event.stream, event.durable("thumbs")) for event in about]
        return not any(info.num_pending or info.num_ack_pending for info in infos)

    await eventually(nothing_left)


async def test_a_step_says_that_it_begins_before_its_work_and_to_one_listener(
    nats_url: str, database: Database, listener: Listener
) -> None:
    seen: list[Start] = []

    async def work(photo: events.PhotoUploaded, _: Delivery) -> None:
        begun = Start(photo.user_id, photo.photo_id, "thumbnail")
        await eventually(lambda: begun in listener.heard)
        seen.append(begun)

    async with thumbs(nats_url, database, work) as bus:
        for photo_id in range(1, 6):
            await publish(bus, photo_id)
        await settled(bus, catalog.PHOTO_UPLOADED)
    assert sorted(seen) == [Start(7, photo_id, "thumbnail") for photo_id in range(1, 6)]
    assert sorted(listener.heard) == sorted(seen), "each once"


async def test_only_a_request_for_this_services_step_begins_one(
    nats_url: str, database: Database, listener: Listener
) -> None:
    async with thumbs(nats_url, database, keeping_quiet(database)) as bus:
        await publish_event(bus.jetstream, catalog.PROCESSING_REQUESTED, requested(1, "dedup", "ai_score"))
        await publish_event(bus.jetstream, catalog.PROCESSING_REQUESTED, requested(2, "dedup", "thumbnail"))
        await settled(bus, catalog.PROCESSING_REQUESTED)
        await eventually(lambda: listener.heard)
    assert listener.heard == [Start(7, 2, "thumbnail")]
    assert await effects(database) == 1


async def test_what_was_done_before_does_not_begin_again(nats_url: str, database: Database, listener: Listener) -> None:
    async with thumbs(nats_url, database, keeping_quiet(database)) as bus:
        event_id = await publish(bus, 1)
        await settled(bus, catalog.PHOTO_UPLOADED)
        again = {"ce-id": event_id, "mizzap-attempt": "1"}
        await bus.jetstream.publish(catalog.PHOTO_UPLOADED.subject, uploaded(1).to_json(), headers=again)
        await publish(bus, 2)
        await settled(bus, catalog.PHOTO_UPLOADED)
        await eventually(lambda: Start(7, 2, "thumbnail") in listener.heard)
    assert sorted(listener.heard) == [Start(7, 1, "thumbnail"), Start(7, 2, "thumbnail")]


async def test_a_step_is_done_though_nothing_can_be_said(nats_url: str, database: Database) -> None:
    bus = Bus("thumbs", nats_url, database)
    await bus.connect()
    await bus.stop()
    await bus.as_step(keeping_quiet(database))(uploaded(), Delivery("thumbs", uuid4()))
    assert await effects(database) == 1


def test_a_hint_is_read_as_it_was_said() -> None:
    for worker, step in steps.STEP_OF.items():
        assert steps.read(steps.subject(worker, 7), steps.body(5)) == Start(7, 5, step)


@pytest.mark.parametrize(
    ("said", "body"), [("started.thumbs.7", b""), ("started.thumbs.x", b"5"), ("started.albums.7", b"5")]
)
def test_what_is_no_hint_is_refused(said: str, body: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        steps.read(said, body)
