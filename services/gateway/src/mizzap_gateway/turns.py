"""Turns at the object store: how many files are stored at the same time, and by whom.

A file on its way holds memory and a thread for as long as its client takes to send it. So their number is limited, and
so is each user's share of it: nobody's slow or many uploads make all others wait.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from mizzap_common.errors import Unavailable

_RETRY_SECONDS = 10


class UploadsBusy(Unavailable):
    """All turns, or all of the user's share, were taken for too long."""

    default_code = "UPLOADS_BUSY"


class Turns:
    def __init__(self, at_once: int, per_user: int, wait_seconds: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._per_user = per_user
        self._wait_seconds = wait_seconds
        # forgotten when nobody of the user's holds a turn or waits for one
        self._shares: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def one(self, user_id: int) -> AsyncIterator[None]:
        """Holds a turn for the block. Raises UploadsBusy when none comes free in time."""
        share = self._shares.setdefault(user_id, asyncio.Semaphore(self._per_user))
        await self._take(share)
        try:
            yield
        finally:
            self._free.release()
            share.release()

    async def _take(self, share: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                # of the share first: who waits for that stands in nobody's way
                await share.acquire()
                try:
                    await self._free.acquire()
                except asyncio.CancelledError:
                    share.release()
                    raise
        except TimeoutError as error:
            message = "Many uploads are on their way right now. Please send this one again in a moment."
            raise UploadsBusy(message, retryAfterSeconds=_RETRY_SECONDS) from error
