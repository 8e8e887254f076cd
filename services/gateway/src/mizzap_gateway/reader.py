"""The way of a file from the request into the object store: pulled from the store's thread, hashed on the way."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from mizzap_common.errors import QuotaExceeded, TooLarge, Unprocessable

_STEP = 1 << 20
"""The most that is taken at once: what is on its way beside the store's own part."""


class HashingReader:
    """What the store's client reads from, in its own thread; the bytes come from the event loop.

    The thread asks for each part and waits: nothing is read from the network ahead of the store, so that a fast
    client fills no memory. The last ``read`` raises when the bytes are not those that were announced, which aborts
    the upload before anything appears.
    """

    def __init__(
        self,
        take: Callable[[int], Coroutine[Any, Any, bytes]],
        limit: int,
        expected: str | None,
        room: int | None = None,
    ) -> None:
        """``take`` gives that many bytes, fewer only at the end; it runs in the loop that makes this reader.

        ``limit`` are the most bytes that any file may have, ``room`` those that the user has left, None without an end.
        """
        self.size = 0
        self._take = take
        self._limit = limit
        self._room = room
        self._expected = expected
        self._loop = asyncio.get_running_loop()
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    def read(self, size: int) -> bytes:
        """Raises TooLarge, QuotaExceeded, Unprocessable HASH_MISMATCH at the end, and what ``take`` raises."""
        size = min(size, _STEP)
        data = asyncio.run_coroutine_threadsafe(self._take(size), self._loop).result()
        self.size += len(data)
        if self.size > self._limit:
            raise TooLarge(f"A file can have at most {self._limit} bytes.", limit=self._limit)
        if self._room is not None and self.size > self._room:
            raise QuotaExceeded("Your storage is full: this photo does not fit any more.", freeBytes=self._room)
        self._sha256.update(data)
        self._md5.update(data)
        if len(data) < size and self._expected not in (None, self.sha256):
            raise Unprocessable(
                "The bytes that arrived are not those that were announced. Please send the file again.",
                code="HASH_MISMATCH",
                expected=self._expected,
                actual=self.sha256,
            )
        return data
