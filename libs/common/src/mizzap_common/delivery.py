"""How an event is delivered: heartbeat while it is handled, delayed retries, dead letter, and the ack last."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic
from uuid import UUID

import structlog
from faststream.nats import NatsMessage
from pydantic import ValidationError

from mizzap_common import inbox, outbox, tasks, tombstones
from mizzap_common.contracts.catalog import Event, P
from mizzap_common.db import Database
from mizzap_common.errors import NotYet, Permanent, Unavailable
from mizzap_common.inbox import AlreadyHandled, Delivery, UserErased
from mizzap_common.streams import ACK_WAIT_SECONDS
from mizzap_common.telemetry import DEAD_LETTERS, HANDLED, HANDLING_SECONDS, OUTBOX_REARMED

RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0)
"""Seconds before each further try: about five minutes in all, longer than the outages we mean to sit out."""

PATIENCE_SECONDS = 300.0
"""How long a handler may take. Its heartbeat would keep an event for ever that hangs on something that never answers."""

Handler = Callable[[P, Delivery], Awaitable[None]]
DeadLetterPublisher = Callable[["DeadLetter"], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DeadLetter:
    """An event that was given up, with all that is needed to understand it and to play it again."""

    durable: str
    subject: str
    body: bytes
    headers: dict[str, str]
    code: str
    reason: str
    attempts: int


class Receiver(Generic[P]):
    """Takes one subject's messages for one durable to its handler.

    The handler ends in one of four ways: it commits and returns (ack); it was done before (ack); it raises
    ``Permanent`` (dead letter, ack); it raises anything else (again later, and after the last try dead letter, ack).
    """

    def __init__(
        self, event: Event[P], durable: str, handler: Handler[P], database: Database, bury: DeadLetterPublisher,
        delays: tuple[float, ...] = RETRY_DELAYS,
    ) -> None:  # fmt: skip
        self.event = event
        self.durable = durable
        self.handler = handler
        self.database = database
        self.bury = bury
        self.delays = delays

    async def __call__(self, message: NatsMessage) -> None:
        """Handles one delivery. What it raises leaves the message unacknowledged: the broker sends it again."""
        try:
            payload, delivery = self._parse(message)
        except ValueError as error:
            await self._give_up(message, "INVALID_PAYLOAD", str(error))
            return
        with structlog.contextvars.bound_contextvars(durable=self.durable, event_id=str(delivery.event_id)):
            async with _heartbeat(message):
                with HANDLING_SECONDS.labels(self.durable).time():
                    await self._handle(message, payload, delivery)

    async def _handle(self, message: NatsMessage, payload: P, delivery: Delivery) -> None:
        try:
            if delivery.attempt > 1 or delivery.rearmed:
                await self._look_before_work(delivery)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.handler(payload, delivery)
        except AlreadyHandled:
            await self._repeat(message, delivery)
        except Permanent as error:
            await self._give_up(message, error.code, error.message)
        except Exception as error:  # the one place that decides about whatever a handler may raise
            await self._retry(message, delivery, error)
        else:
            await message.ack_sync()
            HANDLED.labels(self.durable, "done").inc()

    async def _look_before_work(self, delivery: Delivery) -> None:
        """Spares a repetition its slow work; whether it is one, the claim decides in the end.

        What failed because its user's originals are gone ends here too, instead of among the dead letters.
        """
        async with self.database.begin() as session:
            if await inbox.is_handled(session, delivery):
                raise AlreadyHandled
            if delivery.user_id is not None and await tombstones.is_user_buried(session, delivery.user_id):
                raise UserErased

    async def _repeat(self, message: NatsMessage, delivery: Delivery) -> None:
        if delivery.rearmed:
            async with self.database.begin() as session:
                OUTBOX_REARMED.labels("asked").inc(await outbox.rearm_caused_by(session, delivery.event_id))
        await message.ack_sync()
        HANDLED.labels(self.durable, "repeated").inc()

    async def _retry(self, message: NatsMessage, delivery: Delivery, error: Exception) -> None:
        if delivery.attempt > len(self.delays):
            await self._give_up(message, "RETRIES_EXHAUSTED", f"{type(error).__name__}: {error}")
            return
        delay = self.delays[delivery.attempt - 1]
        if isinstance(error, NotYet):
            log.info("event comes again", attempt=delivery.attempt, delay=delay, reason=type(error).__name__)
        elif isinstance(error, Unavailable):
            # somebody else is away, perhaps for hours: where we were when we noticed says nothing
            log.warning("event comes again", attempt=delivery.attempt, delay=delay, reason=error.message)
        else:
            log.warning("event failed, comes again", attempt=delivery.attempt, delay=delay, exc_info=error)
        await message.nack(delay=delay)
        HANDLED.labels(self.durable, "retried").inc()

    async def _give_up(self, message: NatsMessage, code: str, reason: str) -> None:
        raw = message.raw_message
        attempts = raw.metadata.num_delivered
        log.error("event given up", durable=self.durable, code=code, reason=reason, attempts=attempts)
        await self.bury(
            DeadLetter(self.durable, raw.subject, raw.data, dict(raw.headers or {}), code, reason, attempts)
        )
        await message.ack_sync()
        DEAD_LETTERS.labels(self.durable, code).inc()
        HANDLED.labels(self.durable, "dead").inc()

    def _parse(self, message: NatsMessage) -> tuple[P, Delivery]:
        """Raises ValueError where id, time or payload are not what the catalogue says."""
        raw = message.raw_message
        headers: dict[str, str] = raw.headers or {}
        try:
            payload = self.event.payload.model_validate_json(raw.data)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            raise ValueError(json.dumps([{"field": p["loc"], "problem": p["msg"]} for p in problems])) from error
        return payload, Delivery(
            consumer=self.durable,
            event_id=UUID(headers.get("ce-id", "")),
            attempt=raw.metadata.num_delivered or 1,
            rearmed="mizzap-attempt" in headers,
            user_id=None if payload.outlives_user else payload.user_id,
            happened_at=datetime.fromisoformat(headers["ce-time"]) if "ce-time" in headers else None,
        )


@asynccontextmanager
async def _heartbeat(message: NatsMessage) -> AsyncIterator[None]:
    """Tells the broker every third of the ack wait that the event is still being worked on."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(ACK_WAIT_SECONDS / 3)
            await message.in_progress()

    task: asyncio.Task[Any] = asyncio.create_task(beat())
    try:
        yield
    finally:
        await tasks.end([task])
