"""What the services' tests share: settings, an outsider's connection, and waiting that has an end."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from pydantic import SecretStr
from starlette.applications import Starlette

from mizzap_common import ai_consents, streams
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events
from mizzap_common.contracts.catalog import Event, P
from mizzap_common.contracts.requests import Method
from mizzap_common.db import Database
from mizzap_common.settings import Settings

S = TypeVar("S", bound=Settings)
Reply = tuple[Method[Any, Any], Callable[[Any], Awaitable[Any]]]
_LOOK_SECONDS = 0.02


class Store(Protocol):
    """The test servers' object store, as the fixture ``s3_settings`` gives it."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str


def settings_for(kind: type[S], nats_url: str, s3: Store, database_url: str | None = None, **more: Any) -> S:
    """A service's settings, pointing at the test servers; ``more`` are fields of the service's own."""
    if database_url is not None:
        more["database_url"] = SecretStr(database_url)
    return kind(
        nats_url=nats_url,
        s3_endpoint=s3.endpoint,
        s3_access_key=s3.access_key,
        s3_secret_key=SecretStr(s3.secret_key),
        s3_bucket=s3.bucket,
        **more,
    )


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[None]:
    """Starts what a service's ``build(settings)`` gave, and stops it at the end of the block."""
    async with app.router.lifespan_context(app):
        yield


@asynccontextmanager
async def outsider(nats_url: str, replies: Sequence[Reply] = ()) -> AsyncIterator[Bus]:
    """A connection to freshly declared, empty streams, to be opened before the service under test.

    ``replies`` are (method, handler) pairs of services that the one under test asks and that don't run.
    """
    bus = Bus("tests", nats_url)
    await bus.connect()
    await empty_streams(bus.jetstream)
    for method, handler in replies:
        bus.answer(method, handler)
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


async def empty_streams(js: JetStreamContext) -> None:
    """Removes what earlier tests left in the broker, their services' places in the streams included."""
    for stream in streams.stream_configs(1):
        try:
            await js.delete_stream(str(stream.name))
        except NotFoundError:
            continue
    await streams.declare(js)


async def publish_event(
    js: JetStreamContext, event: Event[P], payload: P, event_id: UUID | None = None, at: datetime | None = None
) -> UUID:
    """Publishes an event as its owner's relay does. The same ``event_id`` again is a repetition that arrives."""
    event_id = event_id or uuid4()
    time_of_it = (at or datetime.now(UTC)).isoformat()
    # no Nats-Msg-Id: the broker itself would swallow the repetition
    headers = {"ce-id": str(event_id), "ce-type": event.subject, "ce-subject": payload.about, "ce-time": time_of_it}
    await js.publish(event.subject, payload.to_json(), stream=event.stream, headers=headers)
    return event_id


async def told_ai_consent(database: Database, user_id: int, granted: bool = True, change: int = 1) -> None:
    """Leaves a worker's database as when it has heard of a user's AI consent."""
    said = events.ConsentChanged(user_id=user_id, purpose="ai", version="1", granted=granted, change=change)
    async with database.begin() as session:
        await ai_consents.heard(session, said)


async def published(js: JetStreamContext, event: Event[P]) -> list[P]:
    """All payloads of an event's subject that the broker holds, in their order."""
    found: list[P] = []
    sequence = 0
    while True:
        try:
            message = await js.get_msg(event.stream, sequence + 1, subject=event.subject, next=True)
        except NotFoundError:
            return found
        assert message.seq is not None
        found.append(event.payload.model_validate_json(message.data or b""))
        sequence = message.seq


async def all_handled(js: JetStreamContext, service: str, seconds: float = 30.0) -> None:
    """Waits until the service has acknowledged every event that the broker has for it."""

    async def nothing_left() -> bool:
        for event in catalog.consumed_by(service):
            info = await js.consumer_info(event.stream, event.durable(service))
            if info.num_pending or info.num_ack_pending:
                return False
        return True

    await eventually(nothing_left, seconds)


async def dead_letters(js: JetStreamContext) -> int:
    """How many events were given up since the streams were emptied."""
    return (await js.stream_info(catalog.DEAD_LETTER_STREAM)).state.messages


async def eventually(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Looks again and again until ``condition()``, awaited where it can be, is true; returns its value.

    Raises AssertionError when that takes longer.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {getattr(condition, '__qualname__', condition)}")
        await asyncio.sleep(_LOOK_SECONDS)
