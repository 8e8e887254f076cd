"""Background tasks: work that comes round again, and its end when it is told to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

_AGAIN_SECONDS = 0.5

log = structlog.get_logger(__name__)


async def repeat(
    work: Callable[[], Awaitable[Any]], seconds: float, outages: tuple[type[Exception], ...], otherwise: str,
    first: float = 0.0,
) -> None:  # fmt: skip
    """Works, waits so many seconds, and so on until cancelled; ``first`` are the seconds before the first time.

    ``outages`` only put the work off; the log then says ``otherwise``, which is what that means for people.
    """
    await asyncio.sleep(first)
    while True:
        try:
            await work()
        except outages as error:
            log.warning(otherwise, reason=repr(error))
        await asyncio.sleep(seconds)


async def exhaust(work: Callable[[], Awaitable[int]]) -> None:
    """Works until ``work`` says, with False or 0, that there is nothing left."""
    while await work():
        pass


async def end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancels the tasks until each has ended; what they raised is theirs to have told.

    Once is not enough. Before Python 3.12 ``asyncio.wait_for``, in which the NATS client awaits its replies, swallows
    a cancellation that meets the result (python/cpython#86296), and so does that client when it flushes: a loop
    around either would go on for ever.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
