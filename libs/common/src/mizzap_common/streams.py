"""Streams and durables, declared from the catalogue in this one place.

FastStream never touches their configuration: subscribing with a stream would rewrite its limits, and a durable is
never updated there. Run ``python -m mizzap_common.streams`` before the services start.
"""

import asyncio
from typing import Any

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js.errors import BadRequestError, NotFoundError

from mizzap_common.contracts import catalog, shared_state
from mizzap_common.contracts.permissions import OutsideSubscriber, outside_from
from mizzap_common.contracts.shared_state import Bucket
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
    """(stream, durable) for every consumer in the catalogue."""
    return [
        (event.stream, consumer_config(event, event.durable(service)))
        for event in catalog.EVENTS
        for service in event.consumers
    ]


def consumer_config(event: catalog.Event[catalog.P], durable: str) -> api.ConsumerConfig:
    """The delivery middleware, not the broker, decides when to give up."""
    return api.ConsumerConfig(
        durable_name=durable,
        filter_subject=event.subject,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_SECONDS,
        max_deliver=-1,
        max_ack_pending=_MAX_ACK_PENDING,
        deliver_policy=api.DeliverPolicy.ALL,
    )


def shared_state_configs(replicas: int) -> list[api.StreamConfig]:
    """What all gateways share: counters, answers to requests that may come again, and tickets. No truth lies here.

    A counter that is full forgets its oldest, a bucket refuses the newest.
    """
    counters = [_counters(window, replicas) for window in shared_state.COUNTER_WINDOWS]
    answers = _bucket(shared_state.ANSWERS, api.StorageType.FILE, 1 << 30, replicas)
    tickets = _bucket(shared_state.TICKETS, api.StorageType.MEMORY, 4 << 20, replicas)
    return [*counters, answers, tickets]


def _counters(window: int, replicas: int) -> api.StreamConfig:
    return api.StreamConfig(
        name=shared_state.counter_stream(window),
        subjects=[f"{shared_state.counter_subject(window)}.>"],
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


def _bucket(bucket: Bucket, storage: api.StorageType, max_bytes: int, replicas: int) -> api.StreamConfig:
    """A key-value bucket as NATS' clients make it; they find and read it by its name."""
    return api.StreamConfig(
        name=bucket.stream,
        subjects=[f"{bucket.prefix}>"],
        storage=storage,
        allow_direct=True,
        allow_rollup_hdrs=True,
        allow_msg_ttl=True,
        deny_delete=True,
        discard=api.DiscardPolicy.NEW,
        max_age=bucket.max_age,
        max_bytes=max_bytes,
        max_msgs_per_subject=1,
        num_replicas=replicas,
        duplicate_window=min(bucket.max_age, 120),
    )


async def declare_outside(js: JetStreamContext, subscriber: OutsideSubscriber) -> None:
    """The durables through which another team's service reads; it may not make any itself."""
    for event in subscriber.events:
        await js.add_consumer(event.stream, consumer_config(event, subscriber.durable(event)))


async def declare(js: JetStreamContext, replicas: int = 1) -> None:
    """Makes or updates all streams and durables. Safe to run at any time, by anybody, at once."""
    for stream in (*stream_configs(replicas), *shared_state_configs(replicas)):
        await _declare_stream(js, stream)
    for owner, consumer in consumer_configs():
        await js.add_consumer(owner, consumer)


async def declare_own(js: JetStreamContext, service: str, replicas: int = 1) -> None:
    """As ``declare``, for what a service may declare itself: its stream, the dead letters', its durables, and what
    the gateways share.

    Raises NotFoundError while another service's stream, on which it has a durable, is not there yet.
    """
    for stream in stream_configs(replicas):
        if stream.name in (service.upper(), catalog.DEAD_LETTER_STREAM):
            await _declare_stream(js, stream)
    if service == shared_state.OWNER:
        for stream in shared_state_configs(replicas):
            await _declare_stream(js, stream)
    for event in catalog.consumed_by(service):
        await js.add_consumer(event.stream, consumer_config(event, event.durable(service)))


async def _declare_stream(js: JetStreamContext, stream: api.StreamConfig) -> None:
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


async def connect(settings: Settings, **options: Any) -> Client:
    """A plain connection for commands, as the user that the settings name."""
    user, password = settings.nats_user or None, settings.nats_password.get_secret_value() or None
    return await nats.connect(settings.nats_url, user=user, password=password, connect_timeout=5, **options)


async def _main() -> None:
    settings = Settings()
    client = await connect(settings)
    js = client.jetstream(timeout=10)
    try:
        await declare(js, settings.nats_replicas)
        for subscriber in outside_from(settings.outside_subscribers):
            await declare_outside(js, subscriber)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(_main())
