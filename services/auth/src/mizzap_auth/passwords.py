"""Passwords: bcrypt with 12 rounds, worked out in threads of its own."""

import asyncio
import base64
import hashlib
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

T = TypeVar("T")

ROUNDS = 12
"""The specification's; 0.2 to 0.9 s of one core."""
SHORTEST = 8
"""Characters, as NIST SP 800-63B asks at least."""


class Passwords:
    """Hashes and checks passwords off the event loop, as many at once as there are cores.

    bcrypt reads 72 bytes at most and raises beyond: it is given the SHA-256 of the password, so that the end of a
    long one counts too.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(os.cpu_count() or 2, "bcrypt")
        self._nobody = ""

    async def start(self) -> None:
        self._nobody = await self.hash("")

    async def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        hashed = await self._run(bcrypt.hashpw, _prepared(password), bcrypt.gensalt(ROUNDS))
        return hashed.decode("ascii")

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """None is a user who does not exist: never right, and takes as long as one who does."""
        known = (password_hash or self._nobody).encode("ascii")
        right = await self._run(bcrypt.checkpw, _prepared(password), known)
        return right and password_hash is not None

    async def _run(self, function: Callable[[bytes, bytes], T], password: bytes, salt: bytes) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, password, salt)


def normalised(password: str) -> str:
    """The same characters from any keyboard are the same password (NFKC, as SP 800-63B suggests)."""
    return unicodedata.normalize("NFKC", password)


def _prepared(password: str) -> bytes:
    return base64.b64encode(hashlib.sha256(normalised(password).encode()).digest())
