"""Brings a folder's files to the server: each content once, several at a time, and again without harm."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from mizzap_client.api import PRECHECK_AT_MOST, AsyncClient
from mizzap_client.errors import ApiError, Interrupted, NotFound
from mizzap_client.folder import File, list_folder, sha256_of, unreadable_problem
from mizzap_client.models import Problem
from mizzap_client.multipart import FileChanged
from mizzap_client.plan import HashedFile, Plan, SameBytes, plan

BIG_BYTES = 64 << 20
"""Files from this size on are sent alone: side by side they would only wait for each other."""

Status = Literal["stored", "adopted", "known", "failed"]
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What became of one file: sent and ``stored``, ``adopted`` without sending, ``known`` before, or ``failed``."""

    name: str
    status: Status
    problem: Problem | None = None


@dataclass
class Synced:
    outcomes: list[Outcome] = field(default_factory=list)
    """One for every file, by name."""
    junk: list[str] = field(default_factory=list)
    """Names of files that were left out on purpose: .DS_Store and the like."""
    bytes_sent: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]

    def count(self, *statuses: Status) -> int:
        return sum(outcome.status in statuses for outcome in self.outcomes)


class Watch:
    """Hears how a sync goes on; this one keeps quiet."""

    def found(self, files: int, size: int) -> None:
        """So many files to hash, with so many bytes."""

    def hashed(self, size: int) -> None:
        """One more file, of so many bytes."""

    def planned(self, todo: Plan) -> None:
        """What the server lacks."""

    def sent(self, size: int) -> None:
        """So many bytes went out; a negative number when they have to go again."""

    def finished(self, outcome: Outcome) -> None:
        """A file has got its outcome."""


async def sync(client: AsyncClient, folder: Path, *, at_once: int = 4, watch: Watch | None = None) -> Synced:
    """A file that fails is an outcome, not an end.

    Raises Unreachable, NotLoggedIn, and OSError when there is no such folder. What was sent is kept: run it again.
    """
    began = time.monotonic()
    run = _Run(client, watch or Watch())
    listing = await asyncio.to_thread(list_folder, folder)
    for unusable in listing.unusable:
        run.finish(unusable.name, "failed", unusable.problem)
    run.watch.found(len(listing.files), sum(file.size for file in listing.files))
    hashed = await run.hash(listing.files)
    todo = plan(hashed, await run.stored({file.sha256 for file in hashed}))
    run.watch.planned(todo)
    for file in todo.known:
        run.finish(file.name, "known")
    await in_parallel([same for same in todo.work if not _is_big(same)], run.transfer, at_once)
    await in_parallel([same for same in todo.work if _is_big(same)], run.transfer, 1)
    outcomes = sorted(run.outcomes, key=lambda outcome: outcome.name)
    return Synced(outcomes, listing.junk, run.bytes_sent, time.monotonic() - began)


async def in_parallel(items: Iterable[T], work: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """``work`` on each item, ``at_once`` at a time. The first error ends all of it and is raised as it is."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


class _Run:
    """One run of ``sync``: its outcomes so far."""

    def __init__(self, client: AsyncClient, watch: Watch) -> None:
        self.client = client
        self.watch = watch
        self.outcomes: list[Outcome] = []
        self.bytes_sent = 0

    def finish(self, name: str, status: Status, problem: Problem | None = None) -> None:
        outcome = Outcome(name, status, problem)
        self.outcomes.append(outcome)
        self.watch.finished(outcome)

    def count_bytes(self, size: int) -> None:
        self.bytes_sent += size
        self.watch.sent(size)

    async def hash(self, files: Sequence[File]) -> list[HashedFile]:
        """Those that can be read, in their order. Hashing lets go of the interpreter, so threads serve."""
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            hashes = await asyncio.gather(*(self._hash_one(file, threads) for file in files))
        return [hashed for hashed in hashes if hashed]

    async def _hash_one(self, file: File, threads: ThreadPoolExecutor) -> HashedFile | None:
        try:
            sha256 = await asyncio.get_running_loop().run_in_executor(threads, sha256_of, file.path)
        except OSError as error:
            self.finish(file.name, "failed", unreadable_problem(error))
            return None
        finally:
            self.watch.hashed(file.size)
        return HashedFile(file, sha256)

    async def stored(self, hashes: set[str]) -> dict[str, list[str]]:
        """The file names under which the server has each of these contents."""
        asked, names = sorted(hashes), {}
        for start in range(0, len(asked), PRECHECK_AT_MOST):
            known = await self.client.precheck(asked[start : start + PRECHECK_AT_MOST])
            names.update({sha256: entry.file_names for sha256, entry in known.items()})
        return names

    async def transfer(self, same: SameBytes) -> None:
        """Sends the first that the server takes; the others only name its bytes."""
        there = same.send is None
        for file in ([same.send] if same.send else []) + list(same.adopt):
            there = (there and await self._adopt(file)) or await self._send(file) or there

    async def _adopt(self, file: HashedFile) -> bool:
        """Whether the server had the bytes: they may have been deleted in the meantime."""
        try:
            adopted = await self.client.adopt(file.name, file.sha256)
        except NotFound:
            return False
        except ApiError as error:
            self.finish(file.name, "failed", _problem_of(error))
            return True
        self.finish(file.name, "adopted" if adopted.created else "known")
        return True

    async def _send(self, file: HashedFile, tries: int = 2) -> bool:
        """Whether the server has the bytes now."""
        try:
            size = file.file.path.stat().st_size
            answer = await self.client.upload(file.file.path, file.name, file.sha256, size, self.count_bytes)
        except OSError as error:
            self.finish(file.name, "failed", unreadable_problem(error))
            return False
        except (FileChanged, ApiError) as error:
            if tries > 1 and (isinstance(error, FileChanged) or error.code == "HASH_MISMATCH"):
                return await self._send_anew(file)
            self.finish(file.name, "failed", _problem_of(error))
            return False
        except Interrupted as error:
            # raises when it is the server that is away, and not this file that breaks the line
            await self.client.me()
            self.finish(file.name, "failed", Problem(code="INTERRUPTED", message=str(error)))
            return False
        self.finish(file.name, "known" if answer.status == "known" else "stored")
        return True

    async def _send_anew(self, file: HashedFile) -> bool:
        """It has changed since it was hashed, as an editor was at work: once more, with the hash it has now."""
        try:
            sha256 = await asyncio.to_thread(sha256_of, file.file.path)
        except OSError as error:
            self.finish(file.name, "failed", unreadable_problem(error))
            return False
        sent = await self._send(HashedFile(file.file, sha256), tries=1)
        return sent and sha256 == file.sha256


def _is_big(same: SameBytes) -> bool:
    return same.send is not None and same.send.file.size >= BIG_BYTES


def _problem_of(error: ApiError | FileChanged) -> Problem:
    if isinstance(error, FileChanged):
        return Problem(code="FILE_CHANGED", message=f"The file changes all the time: {error}.")
    return Problem(code=error.code, message=error.message, details=error.details)
