"""The bus: what a service hears, answers and asks, over one connection to the broker."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from typing import Any

import structlog
from faststream.middlewares import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.nats.opentelemetry import NatsTelemetryMiddleware
from faststream.security import SASLPlaintext
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from mizzap_common.contracts import catalog, events, invalidation, steps
from mizzap_common.contracts.catalog import Event, P
from mizzap_common.contracts.permissions import inbox_prefix
from mizzap_common.contracts.requests import A, Method, Q
from mizzap_common.db import Database
from mizzap_common.delivery import RETRY_DELAYS, DeadLetter, Handler, Receiver
from mizzap_common.inbox import Delivery
from mizzap_common.rpc import Answerer, read_answer, unreachable

log = structlog.get_logger(__name__)

Watcher = Callable[[Event[Any], bytes, dict[str, str]], Awaitable[None]]


async def _as_it_is(message: Any) -> bytes:
    """Bodies are parsed by us: an unreadable one must end as a dead letter, not in FastStream's log."""
    return bytes(message.body)


class Bus:
    """One service's side of NATS. Subscribe everything first, then ``start``."""

    def __init__(
        self, service: str, url: str, database: Database | None = None, workers: int = 4, user: str = "",
        password: str = "",
    ) -> None:  # fmt: skip
        """``user`` is empty for a broker without users."""
        self.service = service
        self.database = database
        self.workers = workers
        self.consumed: list[Event[Any]] = []
        self.answered: list[Method[Any, Any]] = []
        self.inbox = inbox_prefix(user or service)
        self.broker = NatsBroker(
            url,
            name=f"mizzap-{service}",
            connect_timeout=5,
            reconnect_time_wait=1,
            max_reconnect_attempts=-1,
            inbox_prefix=self.inbox,
            security=SASLPlaintext(user, password) if user else None,
            ping_interval=5,
            middlewares=[NatsTelemetryMiddleware()],
            graceful_timeout=10,
            logger=None,
        )

    def on(
        self, event: Event[P], handler: Handler[P], workers: int | None = None,
        delays: tuple[float, ...] = RETRY_DELAYS,
    ) -> None:  # fmt: skip
        """Handles an event of the catalogue through this service's durable, ``workers`` at a time."""
        assert self.database is not None, "handling events needs an inbox"
        receiver = Receiver(event, event.durable(self.service), handler, self.database, self.bury, delays)

        async def receive(message: NatsMessage) -> None:
            await receiver(message)

        self.broker.subscriber(
            event.subject,
            stream=JStream(event.stream, declare=False),
            durable=event.durable(self.service),
            pull_sub=PullSub(batch_size=1, timeout=2.0),
            # of its own: the connection's is not taken over, and any other inbox is forbidden
            inbox_prefix=f"{self.inbox}.".encode(),
            ack_policy=AckPolicy.MANUAL,
            max_workers=workers or self.workers,
            decoder=_as_it_is,
            no_reply=True,
            title=event.durable(self.service),
        )(receive)
        self.consumed.append(event)

    def as_step(self, work: Handler[events.PhotoUploaded]) -> Handler[events.PhotoUploaded]:
        """Handles what wants this service's step of a photo: says that it begins. Requests for others pass by."""
        step = steps.STEP_OF[self.service]

        async def begin(photo: events.PhotoUploaded, delivery: Delivery) -> None:
            if isinstance(photo, events.ProcessingRequested) and step not in photo.steps:
                return
            await self.say_started(photo)
            await work(photo, delivery)

        return begin

    def answer(self, method: Method[Q, A], handler: Callable[[Q], Awaitable[A]]) -> None:
        """Answers a method of the catalogue; replicas share the questions."""
        answerer = Answerer(method, handler)

        async def reply(message: NatsMessage) -> bytes:
            return await answerer(message.raw_message.data)

        self.broker.subscriber(
            method.subject, queue=self.service, max_workers=64, decoder=_as_it_is, title=method.subject
        )(reply)
        self.answered.append(method)

    def watch(self, events: Sequence[Event[Any]], watcher: Watcher) -> None:
        """Hears events as they pass, without durable or retries: for hints only, as to open sockets."""
        for event in events:
            # FastStream would answer the publisher, who takes the first answer for the stream's acknowledgement
            self.broker.subscriber(event.subject, decoder=_as_it_is, no_reply=True)(_watching(event, watcher))

    async def ask(self, method: Method[Q, A], request: Q) -> A:
        """Asks another service. Raises the MizzapError that it answered with, or Unavailable when nobody does."""
        return (await self.ask_measured(method, request))[0]

    async def ask_measured(self, method: Method[Q, A], request: Q) -> tuple[A, int]:
        """As ``ask``, with the bytes that the answer came in."""
        with unreachable(method):
            reply = await self.broker.request(request.to_json(), method.subject, timeout=method.timeout)
        return read_answer(method, reply.body), len(reply.body)

    async def say_changed(self, user_ids: Set[int]) -> None:
        """Has the gateways forget what they remember of this service's answers about these users."""
        try:
            for user_id in user_ids:
                await self.client.publish(invalidation.subject(self.service, user_id))
        except (NatsError, OSError) as error:
            # a gateway that lost its line too forgets everything; else the answers' own time ends
            log.warning("nobody heard that something has changed", reason=repr(error))

    async def say_started(self, photo: events.PhotoEvent) -> None:
        """Has it shown that this service's step of the photo is under way."""
        try:
            await self.client.publish(steps.subject(self.service, photo.user_id), steps.body(photo.photo_id))
        except (NatsError, OSError) as error:
            # the step is done all the same, and its end is told by an event
            log.warning("nobody heard that a step begins", reason=repr(error))

    async def hear_started(self, hear: Callable[[steps.Start], None]) -> None:
        """Hears which steps begin, from now on; replicas share the hints."""

        async def read(message: Msg) -> None:
            hear(steps.read(message.subject, message.data))

        await self.client.subscribe(steps.subjects(), queue=self.service, cb=read)

    async def bury(self, letter: DeadLetter) -> None:
        """Puts an event among the dead letters and waits until the broker has it on disk."""
        headers = {
            **letter.headers,
            "mizzap-dead-durable": letter.durable,
            "mizzap-dead-subject": letter.subject,
            "mizzap-dead-code": letter.code,
            # a header is one line
            "mizzap-dead-reason": " ".join(letter.reason.split())[:500],
            "mizzap-dead-attempts": str(letter.attempts),
        }
        # its id is the original's: the broker would take it for a repetition of that
        headers.pop("Nats-Msg-Id", None)
        await self.jetstream.publish(
            f"{catalog.DEAD_LETTER_SUBJECT}.{letter.durable}",
            letter.body,
            headers=headers,
            stream=catalog.DEAD_LETTER_STREAM,
            timeout=5,
        )

    async def connect(self) -> Client:
        self.client: Client = await self.broker.connect()
        self.jetstream: JetStreamContext = self.client.jetstream(timeout=5)
        return self.client

    async def start(self) -> None:
        await self.broker.start()

    async def stop(self) -> None:
        """Stops taking events, lets running handlers end, closes the connection."""
        # one after another their grace times would add up
        await asyncio.gather(*(subscriber.stop() for subscriber in self.broker.subscribers))
        try:
            await self.broker.stop()
        except NatsError as error:
            # without the broker there is nobody to say goodbye to
            log.warning("the broker is away, the connection is just closed", reason=repr(error))
            await self.client.close()

    def dead_consumers(self) -> list[str]:
        """Titles of the subscribers whose consuming task has ended: they would stay silent for ever."""
        return [
            str(subscriber.specification.name)
            for subscriber in self.broker.subscribers
            if (tasks := getattr(subscriber, "tasks", None)) and all(task.done() for task in tasks)
        ]


def _watching(event: Event[Any], watcher: Watcher) -> Callable[[NatsMessage], Awaitable[None]]:
    async def watch(message: NatsMessage) -> None:
        await watcher(event, message.raw_message.data, dict(message.raw_message.headers or {}))

    return watch
