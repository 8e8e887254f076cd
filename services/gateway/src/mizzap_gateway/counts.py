"""Counters that all gateways share: JetStream's own (ADR-49 of NATS), added to and read in one question.

They lie in the broker's memory and are gone a few minutes after their window. While the broker is away each process
counts for itself: a limit must never be the reason that nothing works.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import structlog
from mizzap_common.bus import Bus
from mizzap_common.contracts.shared_state import counter_stream, counter_subject
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, NotFoundError

_ANSWER_SECONDS = 5.0
"""Long: a gateway that is overloaded must not take its own slowness for the broker's, and let everybody in."""
_PAUSE_SECONDS = 2.0
"""For so long nobody asks a broker again that did not answer."""
_REMEMBERED = 20_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Place:
    """One counter: what is counted, for whom, in which window."""

    limit: str
    key: str
    window: int
    number: int

    @property
    def subject(self) -> str:
        # hashed: addresses have dots, and the broker's own listings need not show whose counter it is
        owner = hashlib.sha256(self.key.encode(errors="replace")).hexdigest()[:24]
        return f"{counter_subject(self.window)}.{self.limit}.{owner}.{self.number}"

    def before(self) -> "Place":
        return replace(self, number=self.number - 1)


class Count(NamedTuple):
    current: int
    """Of this window, with what was just added."""
    previous: int
    """Of the window before it."""


class Counts:
    """Adds to a counter. Never raises: without the broker it counts this process's own."""

    def __init__(self, bus: Bus, declare: Callable[[], Awaitable[None]]) -> None:
        """``declare`` makes the streams again, as a broker that was restarted has forgotten its memory."""
        self._bus = bus
        self._declare = declare
        self._own: dict[Place, int] = {}
        self._ended: dict[Place, int] = {}
        self._silent_until = 0.0

    async def add(self, place: Place, amount: int) -> Count:
        if self._bus.client.is_connected and time.monotonic() >= self._silent_until:
            try:
                current, previous = await asyncio.gather(self._add(place, amount), self._previous(place.before()))
                return Count(current, previous)
            except (NatsError, TimeoutError, OSError, ValueError, KeyError) as error:
                self._silent_until = time.monotonic() + _PAUSE_SECONDS
                log.warning("limits are counted by this process alone", reason=repr(error))
        return self._add_own(place, amount)

    async def _add(self, place: Place, amount: int) -> int:
        try:
            return await self._increment(place, amount)
        except NoRespondersError:
            await self._declare()
            return await self._increment(place, amount)

    async def _increment(self, place: Place, amount: int) -> int:
        reply = await self._bus.client.request(
            place.subject, b"", timeout=_ANSWER_SECONDS, headers={"Nats-Incr": str(amount)}
        )
        answer = json.loads(reply.data)
        if "error" in answer:
            raise APIError.from_error(answer["error"])
        return int(answer["val"])

    async def _previous(self, place: Place) -> int:
        """A window that is over changes no more: asked for once."""
        if place not in self._ended:
            found = 0
            try:
                stream = counter_stream(place.window)
                message = await self._bus.jetstream.get_last_msg(stream, place.subject, direct=True)
                found = int(json.loads(message.data or b"{}")["val"])
            except (NotFoundError, NoRespondersError):
                pass
            _forget_old(self._ended)
            self._ended[place] = found
        return self._ended[place]

    def _add_own(self, place: Place, amount: int) -> Count:
        _forget_old(self._own)
        self._own[place] = self._own.get(place, 0) + amount
        return Count(self._own[place], self._own.get(place.before(), 0))


def _forget_old(counts: dict[Place, int]) -> None:
    if len(counts) < _REMEMBERED:
        return
    for place in list(counts)[: _REMEMBERED // 2]:
        del counts[place]
