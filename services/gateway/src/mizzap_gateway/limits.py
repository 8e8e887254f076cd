"""Rate limits: exact over all gateways, with the usual headers.

A window slides: what was used in the minute before counts in proportion to how much of that minute is still within the
last sixty seconds. So a border between two minutes allows no second burst, and nobody waits for a whole new minute.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from mizzap_common.errors import MizzapError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mizzap_gateway import problems
from mizzap_gateway.budgets import Budget, Budgets, Limit
from mizzap_gateway.counts import Count, Counts, Place

_REFUSED_REMEMBERED = 10_000


class RateLimited(MizzapError):
    status = 429
    default_code = "RATE_LIMITED"


@dataclass(frozen=True)
class Taken:
    """What a limit says to one request."""

    limit: Limit
    remaining: int
    reset: int
    """Seconds until the window's end."""
    retry_after: int = 0
    """Seconds until the next try makes sense; 0 when the request is let in."""

    def refusal(self) -> RateLimited:
        return RateLimited(
            f"That was a lot in a short time. Please try again in {self.retry_after} s.",
            limit=self.limit.name,
            quota=self.limit.quota,
            windowSeconds=self.limit.window,
            unit=self.limit.unit,
            retryAfterSeconds=self.retry_after,
        )


class Limiter:
    """Takes from limits. ``clock`` gives Unix time: the windows of all gateways are the same."""

    def __init__(self, counts: Counts, clock: Callable[[], float] = time.time) -> None:
        self._counts = counts
        self._clock = clock
        self._refused: dict[tuple[str, str], float] = {}

    async def take(self, limit: Limit, key: str, amount: int = 1) -> Taken:
        """Lets requests in up to the quota, and bytes while there is any left: the last file may go beyond it."""
        now = self._clock()
        if (until := self._refused.get((limit.name, key), 0.0)) > now:
            # who hammers on costs the broker nothing
            return self._refusal(limit, now, until)
        place = Place(limit.name, key, limit.window, int(now // limit.window))
        count = await self._counts.add(place, amount)
        passed = now / limit.window - place.number
        used = min(count.previous, limit.quota) * (1 - passed) + count.current
        fits = used <= limit.quota if limit.unit == "requests" else used - amount < limit.quota
        if fits:
            return Taken(limit, max(0, int(limit.quota - used)), math.ceil(limit.window * (1 - passed)))
        # what is refused has used nothing, else nobody who keeps trying would ever get in again
        await self._counts.add(place, -amount)
        until = now + _wait(limit, Count(count.current - amount, count.previous), passed)
        self._remember(limit, key, until)
        return self._refusal(limit, now, until)

    async def charge(self, limit: Limit, key: str, amount: int) -> None:
        """Counts what has been used already."""
        await self._counts.add(Place(limit.name, key, limit.window, int(self._clock() // limit.window)), amount)

    def _refusal(self, limit: Limit, now: float, until: float) -> Taken:
        seconds = max(1, math.ceil(until - now))
        return Taken(limit, 0, seconds, seconds)

    def _remember(self, limit: Limit, key: str, until: float) -> None:
        if len(self._refused) >= _REFUSED_REMEMBERED:
            now = self._clock()
            self._refused = {which: end for which, end in self._refused.items() if end > now}
        if len(self._refused) >= _REFUSED_REMEMBERED:
            self._refused.clear()  # the broker knows it all, this only spares it
        self._refused[limit.name, key] = until


def _wait(limit: Limit, count: Count, passed: float) -> float:
    """Seconds until one more fits, when nobody else takes anything."""
    previous = min(count.previous, limit.quota)
    room = limit.quota - count.current - 1
    if room >= 0 and previous:
        return limit.window * max(0.0, 1 - room / previous - passed)
    # not in this window any more: in the next one this one is the previous
    current = max(1, min(count.current, limit.quota))
    return limit.window * (1 - passed + max(0.0, 1 - (limit.quota - 1) / current))


class Limits:
    """Refuses requests that go beyond their budget, and tells every client how much it has left."""

    def __init__(self, app: ASGIApp, budgets: Budgets, limiter: Limiter) -> None:
        self._app = app
        self._budgets = budgets
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._budgets.of(scope)
        if found is None:
            return await self._app(scope, receive, send)
        budget, key = found
        announced = _length(Headers(scope=scope)) if budget.sent else 0
        taken = await self._take(budget, key, announced)
        traffic = _Traffic(receive, send, _headers(taken))
        if refused := [one for one in taken if one.retry_after]:
            worst = max(refused, key=lambda one: one.retry_after)
            return await problems.of_error(worst.refusal())(scope, traffic.receive, traffic.send)
        try:
            await self._app(scope, traffic.receive, traffic.send)
        finally:
            if budget.sent and not announced and traffic.arrived:
                await self._limiter.charge(budget.sent, key, traffic.arrived)
            if budget.received and traffic.sent:
                await self._limiter.charge(budget.received, key, traffic.sent)

    async def _take(self, budget: Budget, key: str, announced: int) -> list[Taken]:
        takes = [self._limiter.take(budget.requests, key)]
        if budget.sent:
            takes.append(self._limiter.take(budget.sent, key, announced))
        if budget.received:
            takes.append(self._limiter.take(budget.received, key, 0))
        return await asyncio.gather(*takes)


class _Traffic:
    """Counts a request's bytes in both directions and puts headers on its answer."""

    def __init__(self, receive: Receive, send: Send, headers: dict[str, str]) -> None:
        self.arrived = 0
        self.sent = 0
        self._receive = receive
        self._send = send
        self._headers = headers

    async def receive(self) -> Message:
        message = await self._receive()
        self.arrived += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            MutableHeaders(scope=message).update(self._headers)
        await self._send(message)
        self.sent += len(message.get("body", b""))


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _headers(taken: list[Taken]) -> dict[str, str]:
    """The three headers of old for the tightest limit, and the IETF draft's two for all of them."""
    tightest = max(taken, key=lambda one: (one.retry_after, -one.remaining / one.limit.quota))
    return {
        "RateLimit-Limit": str(tightest.limit.quota),
        "RateLimit-Remaining": str(tightest.remaining),
        "RateLimit-Reset": str(tightest.reset),
        "RateLimit": ", ".join(f'"{one.limit.name}";r={one.remaining};t={one.reset}' for one in taken),
        "RateLimit-Policy": ", ".join(
            f'"{one.limit.name}";q={one.limit.quota};w={one.limit.window}'
            + ("" if one.limit.unit == "requests" else f';qu="{one.limit.unit}"')
            for one in taken
        ),
    }
