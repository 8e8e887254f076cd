"""Streams and durables, declared from the catalogue in this one place.

FastStream never touches their configuration: subscribing with a stream would rewrite its limits, and a durable is
never updated there. Run ``python -m mizzap_common.streams`` before the services start.
"""

import asyncio
from collections.abc import Sequence

import nats
from nats.js import JetStreamContext, api
from nats.js.errors import BadRequestError, NotFoundError

from mizzap_common.contracts import catalog
from mizzap_common.settings import Settings

ACK_WAIT_SECONDS = 15.0
"""How soon an event comes again when its handler died; a living handler says so every third of it."""
_MAX_AGE = 7 * 86_400
_DEAD_LETTER_MAX_AGE = 90 * 86_400
_DUPLICATE_WINDOW = 600
_MAX_ACK_PENDING = 256

COUNTER_WINDOWS = (60, 3600)
"""Lengths in seconds of the windows that requests are counted in."""
ANSWERS_BUCKET = "answers"
ANSWER_MAX_AGE = 86_400
TICKETS_BUCKET = "tickets"
TICKET_MAX_AGE = 30


def stream_configs(replicas: int) -> list[api.StreamConfig]:
    """One stream a publishing service, and one for the dead letters.

    Discards the new, not the unread old, when full: the outbox keeps what is refused. Limits retention, because
    interest retention drops what is published before its consumer exists.
    """
    configs = [
        _stream(service.upper(), [event.subject for event in catalog.produced_by(service)], _MAX_AGE, 1 << 30, replicas)
        for service in catalog.SERVICES
        if catalog.produced_by(service)
    ]
    dead = _stream(
        catalog.DEAD_LETTER_STREAM, [f"{catalog.DEAD_LETTER_SUBJECT}.>"], _DEAD_LETTER_MAX_AGE, 1 << 28, replicas
    )
    return [*configs, dead]


def _stream(name: str, subjects: list[str], max_age: int, max_bytes: int, replicas: int) -> api.StreamConfig:
    return api.StreamConfig(
        name=name,
        subjects=subjects,
        max_age=max_age,
        max_bytes=max_bytes,
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.NEW,
        num_replicas=replicas,
        duplicate_window=_DUPLICATE_WINDOW,
    )


def consumer_configs() -> list[tuple[str, api.ConsumerConfig]]:
    """(stream, durable) for every consumer in the catalogue. The delivery middleware decides when to give up."""
    return [
        (
            event.stream,
            api.ConsumerConfig(
                durable_name=event.durable(service),
                filter_subject=event.subject,
                ack_policy=api.AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT_SECONDS,
                max_deliver=-1,
                max_ack_pending=_MAX_ACK_PENDING,
                deliver_policy=api.DeliverPolicy.ALL,
            ),
        )
        for event in catalog.EVENTS
        for service in event.consumers
    ]


def counter_stream(window: int) -> str:
    return f"COUNTERS_{window}"


def counter_subject(window: int) -> str:
    """What a counter's subject begins with, for windows of so many seconds."""
    return f"counter.{window}"


def shared_state_configs(replicas: int) -> list[api.StreamConfig]:
    """What all gateways share: counters, answers to requests that may come again, and tickets. No truth lies here.

    A counter that is full forgets its oldest, a bucket refuses the newest.
    """
    counters = [_counters(window, replicas) for window in COUNTER_WINDOWS]
    answers = _bucket(ANSWERS_BUCKET, api.StorageType.FILE, ANSWER_MAX_AGE, 1 << 30, replicas)
    tickets = _bucket(TICKETS_BUCKET, api.StorageType.MEMORY, TICKET_MAX_AGE, 4 << 20, replicas)
    return [*counters, answers, tickets]


def _counters(window: int, replicas: int) -> api.StreamConfig:
    return api.StreamConfig(
        name=counter_stream(window),
        subjects=[f"{counter_subject(window)}.>"],
        storage=api.StorageType.MEMORY,
        allow_msg_counter=True,
        allow_direct=True,
        # read once more in the window after its own
        max_age=2.5 * window,
        max_msgs_per_subject=1,
        max_bytes=12 << 20,
        discard=api.DiscardPolicy.OLD,
        num_replicas=replicas,
        duplicate_window=min(window, 60),
    )


def _bucket(name: str, storage: api.StorageType, max_age: float, max_bytes: int, replicas: int) -> api.StreamConfig:
    """A key-value bucket as NATS' clients make it; they find and read it by its name."""
    return api.StreamConfig(
        name=f"KV_{name}",
        subjects=[f"$KV.{name}.>"],
        storage=storage,
        allow_direct=True,
        allow_rollup_hdrs=True,
        allow_msg_ttl=True,
        deny_delete=True,
        discard=api.DiscardPolicy.NEW,
        max_age=max_age,
        max_bytes=max_bytes,
        max_msgs_per_subject=1,
        num_replicas=replicas,
        duplicate_window=min(max_age, 120),
    )


async def declare(js: JetStreamContext, replicas: int = 1, services: Sequence[str] = catalog.SERVICES) -> None:
    """Makes or updates all streams, and the durables of ``services``. Safe to run at any time, by anybody, at once."""
    for stream in stream_configs(replicas):
        await _update_or_add(js, stream)
    for owner, consumer in consumer_configs():
        assert consumer.durable_name
        if consumer.durable_name.split("-", 1)[0] in services:
            await js.add_consumer(owner, consumer)


async def declare_shared_state(js: JetStreamContext, replicas: int = 1) -> None:
    """Makes or updates what the gateways share. Safe like ``declare``."""
    for stream in shared_state_configs(replicas):
        await _update_or_add(js, stream)


async def _update_or_add(js: JetStreamContext, stream: api.StreamConfig) -> None:
    try:
        await js.update_stream(stream)
    except NotFoundError:
        await _add_stream(js, stream)


async def _add_stream(js: JetStreamContext, stream: api.StreamConfig) -> None:
    try:
        await js.add_stream(stream)
    except BadRequestError as error:
        # somebody else made it in between, perhaps with other settings
        if error.err_code != 10058:
            raise
        await js.update_stream(stream)


async def _main() -> None:
    settings = Settings()
    client = await nats.connect(settings.nats_url, connect_timeout=5)
    try:
        js = client.jetstream(timeout=10)
        await declare(js, settings.nats_replicas)
        await declare_shared_state(js, settings.nats_replicas)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(_main())
