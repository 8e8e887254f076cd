"""How requests are counted: the window, the promise of when to come back, and what the broker is asked."""

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

from mizzap_common import streams
from mizzap_common.contracts import shared_state
from mizzap_gateway.budgets import Limit
from mizzap_gateway.counts import Count, Counts, Place
from mizzap_gateway.limits import Limiter


async def test_without_the_broker_a_process_counts_for_itself() -> None:
    limiter = Limiter(Counts(_away(), _silent), lambda: 600_000.0)
    taken = [await limiter.take(Limit("api", 2), "somebody") for _ in range(3)]
    assert [one.remaining for one in taken] == [1, 0, 0]
    assert [one.retry_after > 0 for one in taken] == [False, False, True]


async def _silent(*_: Any, **__: Any) -> Any:
    raise TimeoutError


def _away() -> Any:
    """A bus whose broker does not answer."""
    return SimpleNamespace(
        client=SimpleNamespace(is_connected=True, request=_silent), jetstream=SimpleNamespace(get_last_msg=_silent)
    )


class _Fixed:
    """Counters in memory."""

    def __init__(self) -> None:
        self.counts: Counter[Place] = Counter()

    async def add(self, place: Place, amount: int) -> Count:
        self.counts[place] += amount
        return Count(self.counts[place], self.counts[place.before()])


async def test_the_window_slides_and_the_promised_time_is_the_true_one() -> None:
    now = 600_000.0 + 59.0
    limiter = Limiter(_Fixed(), lambda: now)
    limit = Limit("api", 100)
    assert [(await limiter.take(limit, "u")).retry_after for _ in range(100)] == [0] * 100
    # no second hundred beyond the border
    for _ in range(50):
        refused = await limiter.take(limit, "u")
        assert refused.retry_after == 2
        now += 0.001
    now += refused.retry_after - 1
    assert (await limiter.take(limit, "u")).retry_after == 1, "not before its time"
    now += 1
    allowed = 0
    while not (taken := await limiter.take(limit, "u")).retry_after:
        allowed += 1
    assert 1 <= allowed <= 3
    now += taken.retry_after
    assert not (await limiter.take(limit, "u")).retry_after
    now += 120
    assert [(await limiter.take(limit, "u")).retry_after for _ in range(100)] == [0] * 100


async def test_who_hammers_on_costs_the_broker_nothing() -> None:
    counts = _Fixed()
    asked = 0
    add = counts.add

    async def counted(place: Place, amount: int) -> Count:
        nonlocal asked
        asked += 1
        return await add(place, amount)

    counts.add = counted  # type: ignore[method-assign]
    limiter = Limiter(counts, lambda: 600_000.0)
    for _ in range(1000):
        await limiter.take(Limit("api", 10), "u")
    assert asked == 12  # ten let in, one refused and taken back
    assert sum(counts.counts.values()) == 10


async def test_the_broker_counts_exactly_under_contention(gateway, user_id) -> None:
    async def declare() -> None:
        await streams.declare_own(gateway.bus.jetstream, shared_state.OWNER)

    counters = [Counts(gateway.bus, declare) for _ in range(2)]
    place = Place("test", f"user:{user_id}", 60, 7)
    found = await asyncio.gather(*(counters[n % 2].add(place, 1) for n in range(400)))
    assert sorted(count.current for count in found) == list(range(1, 401))
    after = Place("test", f"user:{user_id}", 60, 8)
    assert await counters[0].add(after, 5) == Count(5, 400)
