"""Background tasks that end when they are told to."""

import asyncio
from collections.abc import Sequence
from typing import Any

_AGAIN_SECONDS = 0.5


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
