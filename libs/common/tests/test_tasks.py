"""Tasks end, even those in which a library takes a cancellation for itself."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from mizzap_common import tasks


async def obeys(started: asyncio.Event) -> None:
    started.set()
    await asyncio.Event().wait()


async def swallows_the_first(started: asyncio.Event) -> None:
    """As ``asyncio.wait_for`` before Python 3.12, when the cancellation meets the result."""
    started.set()
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


async def fails(started: asyncio.Event) -> None:
    started.set()
    raise RuntimeError("gone")


@pytest.mark.parametrize("work", [obeys, swallows_the_first, fails])
async def test_a_task_ends_when_told(work: Callable[[asyncio.Event], object]) -> None:
    started = asyncio.Event()
    task = asyncio.create_task(work(started))  # type: ignore[arg-type]
    await started.wait()
    async with asyncio.timeout(10):
        await tasks.end([task])
    assert task.done()
