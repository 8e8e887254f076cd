"""Answers remembered in process: the list of albums, what is known of photos, where thumbnails lie.

An answer counts until anything of that user's changes in the service that gave it, and never longer than the
specification's times. Nobody reads past an own write, whichever gateway it went through: the service says that
something has changed before it answers the write (`contracts/invalidation.py`), and each gateway asks the broker, by a
ping, whether it has heard everything said so far before it answers from memory. The measurement is `make bench-caches`.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import structlog
from cachetools import LRUCache, TLRUCache
from mizzap_common.bus import Bus
from mizzap_common.contracts import invalidation, requests
from mizzap_common.contracts.requests import A, Method, Q
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from prometheus_client import Counter

SECONDS = {
    requests.ALBUMS_LIST: 300.0,
    requests.ALBUMS_GET: 300.0,
    requests.PHOTOS_GET: 600.0,
    requests.PHOTOS_LIST: 600.0,
    requests.THUMBS_LOCATE: 3600.0,
}
"""How long each answer may be kept, after the specification."""
_USERS = 100_000
_PING_SECONDS = 2
OBJECTS_PER_JSON = 7
"""Bytes that an answer's objects take for each byte of its JSON, at most: 5.6 for a page of photos, 6.8 for a thumbnail's
place. JSON would be kept if it didn't cost 2 ms to parse a page again. A test measures it."""

ASKED = Counter("mizzap_gateway_remembered", "Questions whose answers may be remembered", ["method", "outcome"])

log = structlog.get_logger(__name__)

_Source = tuple[str, int]
"""A service and a user of whom it answered."""


@dataclass(frozen=True)
class _Answer:
    value: Any
    epoch: int
    size: int
    seconds: float


class Remembered:
    def __init__(self, bus: Bus, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``most_bytes`` of memory for answers; 0 remembers nothing."""
        self._bus = bus
        self._most = most_bytes
        self._answers: TLRUCache[tuple[str, bytes], _Answer] = TLRUCache(
            most_bytes, lambda _, answer, now: now + answer.seconds, clock, lambda answer: answer.size
        )
        self._numbers = count()
        # an answer is good while its epoch is its source's; one that was forgotten comes back as another
        self._epochs: LRUCache[_Source, int] = LRUCache(_USERS)
        self._heard: Subscription | None = None
        self._next_ping: asyncio.Task[bool] | None = None
        self._pinging = asyncio.Lock()
        self._reconnects = 0

    async def start(self) -> None:
        if self._most:
            self._heard = await self._bus.client.subscribe(invalidation.subjects(), cb=self._hear)

    async def ask(self, method: Method[Q, A], request: Q) -> A:
        """As ``Bus.ask``; ``request`` has the user's id."""
        if not self._most:
            return await self._bus.ask(method, request)
        source = method.service, int(request.user_id)  # type: ignore[attr-defined]  # the methods above all have it
        key = method.subject, request.to_json()
        known = self._answers.get(key)
        if known is not None and await self._is_good(known, source):
            ASKED.labels(method.subject, "remembered").inc()
            answer: A = known.value
            return answer
        ASKED.labels(method.subject, "asked").inc()
        before = self._epoch(source)
        found, size = await self._bus.ask_measured(method, request)
        if before == self._epoch(source):
            self._keep(key, _Answer(found, before, size * OBJECTS_PER_JSON + len(key[1]), SECONDS[method]))
        return found

    async def _is_good(self, known: _Answer, source: _Source) -> bool:
        # what is old already needs no ping; whoever changed it since, this gateway has heard of it behind the ping
        return known.epoch == self._epoch(source) and await self._has_heard_all() and known.epoch == self._epoch(source)

    def _keep(self, key: tuple[str, bytes], answer: _Answer) -> None:
        if answer.size <= self._most // 16:
            self._answers[key] = answer

    def _epoch(self, source: _Source) -> int:
        if source not in self._epochs:
            self._epochs[source] = next(self._numbers)
        return self._epochs[source]

    async def _hear(self, message: Msg) -> None:
        self._epochs[invalidation.read(message.subject)] = next(self._numbers)

    async def _has_heard_all(self) -> bool:
        """Whether everything that was said before this call has been heard. Callers share the ping that is next."""
        if self._next_ping is None:
            self._next_ping = asyncio.create_task(self._ping())
        return await asyncio.shield(self._next_ping)

    async def _ping(self) -> bool:
        async with self._pinging:
            self._next_ping = None  # who comes from here on may have been told of something after this ping
            client, heard = self._bus.client, self._heard
            if heard is None or not client.is_connected or client.stats["reconnects"] != self._reconnects:
                self._forget_all()
                self._reconnects = client.stats["reconnects"]
                return False
            try:
                await client.flush(_PING_SECONDS)
            except (NatsError, OSError) as error:
                log.warning("the broker answers no ping, nothing is answered from memory", reason=repr(error))
                return False
            while heard.pending_msgs:  # noqa: ASYNC110  # they are taken by the client's own task, at its next turn
                await asyncio.sleep(0)
            return True

    def _forget_all(self) -> None:
        """What was said while the line was broken is lost."""
        self._epochs.clear()
