"""One stack per data folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mizzap_devstack.errors import StackError


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel gives it back when this process ends, however it ends.

    Raises:
        StackError: another process holds it.
    """
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _acquire(descriptor):
            holder = os.read(descriptor, 20).decode() or "unknown"
            raise StackError(
                f"MIZZAP already runs on {data} (process {holder}): stop it first, or choose another --data."
            )
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def is_running(data: Path) -> bool:
    """Whether a stack runs on this folder now."""
    try:
        descriptor = os.open(data / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _acquire(descriptor)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
