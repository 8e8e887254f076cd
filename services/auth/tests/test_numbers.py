"""The mark: no number above it, and no start below it."""

import asyncio

import pytest
from mizzap_auth import leaving
from mizzap_auth.numbers import SEQUENCES, Numbers
from mizzap_common.storage import STORE_ERRORS, Storage
from sqlalchemy.exc import DBAPIError

from services.auth.tests.inside import Inside, inside

__all__ = ["inside"]


def started(inside: Inside, block: int = 4) -> Numbers:
    return Numbers(inside.database, inside.storage, block)


async def _next(inside: Inside, sequence: str = "users_id_seq") -> int:
    [(number,)] = await inside.sql(f"SELECT nextval('{sequence}')")
    return int(number)


async def test_nothing_is_given_above_the_mark(inside: Inside) -> None:
    numbers = started(inside)
    await numbers.begin()
    for sequence in SEQUENCES:
        with pytest.raises(DBAPIError, match="reached maximum value"):
            while True:
                assert await _next(inside, sequence) <= await numbers._mark()
    await numbers.look()
    assert len({await _next(inside) for _ in range(4)}) == 4


async def test_a_start_begins_behind_all_that_may_have_been_given(inside: Inside) -> None:
    await started(inside).begin()
    given = {sequence: await _next(inside, sequence) for sequence in SEQUENCES}
    for sequence in SEQUENCES:  # as the backup has it
        await inside.sql(f"ALTER SEQUENCE {sequence} RESTART")
    await started(inside).begin()
    for sequence, number in given.items():
        assert await _next(inside, sequence) > number + 2, "up to the mark it may have been given"
    await started(inside).begin(above=1_000_000)
    assert await _next(inside) == 1_000_001


async def test_a_database_whose_mark_is_lost_goes_on(inside: Inside) -> None:
    for _ in range(3):
        await started(inside).begin()
    last = await _next(inside)
    await inside.storage.remove_under("ledger/")
    await started(inside).begin()
    assert await _next(inside) == last + 1


async def test_a_mark_is_raised_in_time_and_only_then(inside: Inside) -> None:
    numbers = started(inside, 100)
    await numbers.begin()
    before = await numbers._mark()
    await numbers.look()
    assert await numbers._mark() == before
    for _ in range(60):
        await _next(inside, "sessions_id_seq")
    await asyncio.gather(*(started(inside, 100).look() for _ in range(4)))
    assert await numbers._mark() == before + 100, "one of them has raised it"
    assert len(await inside.storage.list("ledger/marks/")) == 1


async def test_starts_meet_registrations(inside: Inside) -> None:
    await started(inside, 1_000).begin()
    over = asyncio.Event()

    async def take() -> list[int]:
        taken = []
        while not over.is_set():
            taken.append(await _next(inside))
        return taken

    takers = [asyncio.create_task(take()) for _ in range(3)]
    await asyncio.gather(*(started(inside, 1_000).begin() for _ in range(5)))
    over.set()
    taken = [number for numbers in await asyncio.gather(*takers) for number in numbers]
    assert len(taken) == len(set(taken)) > 0


async def test_without_the_store_nobody_is_answered(inside: Inside) -> None:
    away = Storage(inside.settings.model_copy(update={"s3_endpoint": "127.0.0.1:9"}))
    _, erasures = inside.started()
    with pytest.raises(STORE_ERRORS):
        await leaving.compare_patiently(Numbers(inside.database, away), erasures, seconds=0)
