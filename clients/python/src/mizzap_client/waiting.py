"""Waits until the server has done everything with the photos: hints from the WebSocket, the truth from the API."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from mizzap_client.api import AsyncClient
from mizzap_client.errors import Stalled
from mizzap_client.events import CONNECTED, listen
from mizzap_client.schemas import ProgressNow

POLL_SECONDS = 3.0
"""How long to wait for a hint before asking anyway."""
PAUSE_SECONDS = 0.3
LONGEST_PAUSE_SECONDS = 1.8
"""At least so long between two questions, however many hints come: short at first, then what a hundred requests a
minute leave room for."""
_SLOWER = 1.05

Hints = Counter[str]


class Listener:
    """Counts the events that the WebSocket brings and wakes whoever waits for one."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._seen: set[str] = set()
        self._something = asyncio.Event()
        self.hints: Hints = Counter()
        """How often each event has come; none is counted twice."""
        self.connected = asyncio.Event()

    async def run(self) -> None:
        async for event in listen(self._client):
            if event.event == CONNECTED:
                self.connected.set()
            elif event.id not in self._seen:
                self._seen.add(event.id)
                self.hints[event.event] += 1
            self._something.set()

    async def wait(self, seconds: float) -> None:
        """Until something happens, or the seconds are over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._something.wait()
        self._something.clear()


@contextlib.asynccontextmanager
async def listening(client: AsyncClient) -> AsyncIterator[Listener]:
    """A listener that runs as long as the block does."""
    listener = Listener(client)
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        task.cancel()
        # what ended it early, a lost session say, meets the asker too
        await asyncio.gather(task, return_exceptions=True)


async def until_processed(
    client: AsyncClient, listener: Listener, tell: Callable[[ProgressNow, Hints], None], *, stall_seconds: float = 180.0
) -> ProgressNow:
    """Returns when no photo is pending and the best moments take all of them into account.

    Raises Stalled when nothing has moved for ``stall_seconds``.
    """
    state: tuple[object, ...] = ()
    moved = time.monotonic()
    pause = PAUSE_SECONDS
    while True:
        asked = time.monotonic()
        progress = await client.progress()
        tell(progress, listener.hints)
        if progress.pending == 0 and progress.renditions is not None and (await client.moments()).up_to_date:
            return progress
        if (now := (progress, listener.hints.total())) != state:
            state, moved = now, time.monotonic()
        elif time.monotonic() - moved > stall_seconds:
            raise Stalled(_stalled(progress, stall_seconds))
        await asyncio.sleep(max(0.0, asked + pause - time.monotonic()))
        pause = min(LONGEST_PAUSE_SECONDS, pause * _SLOWER)
        await listener.wait(POLL_SECONDS)


def _stalled(progress: ProgressNow, seconds: float) -> str:
    done = progress.processed + progress.failed
    if progress.pending:
        what = f"{progress.pending} of {progress.photos} photos are still to be processed ({done} are done)"
    elif progress.renditions is None:
        what = f"all {done} photos are processed, but the renditions can't be counted"
    else:
        what = f"all {done} photos are processed, but the best moments are not up to date"
    return f"The server has made no progress for {seconds:.0f} seconds: {what}. Its log says why."
