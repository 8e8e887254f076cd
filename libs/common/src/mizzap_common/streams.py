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


async def declare(js: JetStreamContext, replicas: int = 1, services: Sequence[str] = catalog.SERVICES) -> None:
    """Makes or updates all streams, and the durables of ``services``. Safe to run at any time, by anybody, at once."""
    for stream in stream_configs(replicas):
        try:
            await js.update_stream(stream)
        except NotFoundError:
            await _add_stream(js, stream)
    for owner, consumer in consumer_configs():
        assert consumer.durable_name
        if consumer.durable_name.split("-", 1)[0] in services:
            await js.add_consumer(owner, consumer)


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
        await declare(client.jetstream(timeout=10), settings.nats_replicas)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(_main())
