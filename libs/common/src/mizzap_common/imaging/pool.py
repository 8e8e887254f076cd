"""Child processes that look at hostile images, so that the event loop only waits and no image harms another.

Each child is a plain `python -m mizzap_common.imaging.child` with a pipe of its own, and works on one job at a time.
`pebble` and `concurrent.futures` were looked at first: both send the jobs of all children through one locked pipe, so
a child killed while it holds the lock blocks or breaks the others, which is the very thing to survive here.
"""

import asyncio
import os
import pickle
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from . import wire
from .errors import ImageUnreadable
from .wire import ChildFailed

Result = TypeVar("Result")

START_TIMEOUT = 120.0
"""Seconds for a child to import its libraries and run the initializer (loading a model) on a busy machine."""

_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
)
_SETTINGS = {
    "VIPS_CONCURRENCY": "1",
    "VIPS_BLOCK_UNTRUSTED": "1",
    "VIPS_WARNING": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONUNBUFFERED": "1",
}


def default_workers() -> int:
    """As many children as this process may use cores, at least one."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


class _NoAnswer(Exception):
    """The child ended, or was given up, before it answered. `final`: another try would end the same way."""

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


class DecodePool:
    """A fixed number of child processes for functions that parse images.

    timeout: processor seconds a job may take.
    wall_clock: seconds on the clock it may take, three times `timeout` unless given: the machine may be busy.
    memory_bytes: address space a job may take on top of the loaded child.
    initializer: called once in each child with `initargs`, for loading models; importable by name, as is each job.
    jobs_per_child: after so many jobs a child is replaced, against slow leaks in the decoders.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        initializer: Callable[..., Any] | None = None,
        initargs: Sequence[Any] = (),
        timeout: float = 10.0,
        wall_clock: float | None = None,
        memory_bytes: int = 2 * 1024**3,
        jobs_per_child: int = 1_000,
    ) -> None:
        self.workers = workers or default_workers()
        self._setup = wire.Setup(os.getpid(), timeout, memory_bytes, initializer, tuple(initargs))
        self._wall_clock = wall_clock or timeout * 3
        self._jobs_per_child = jobs_per_child
        self._idle: asyncio.Queue[_Child | None] = asyncio.Queue()  # None: a child that is to be started
        self._children: set[_Child] = set()
        self._closed = True

    async def start(self) -> None:
        """Start the children and wait until each has run the initializer. Raises what the initializer raises."""
        self._closed = False
        self._idle = asyncio.Queue()
        started = await asyncio.gather(*(self._spawn() for _ in range(self.workers)), return_exceptions=True)
        for child in started:
            if isinstance(child, BaseException):
                await self.close()
                raise child
            self._idle.put_nowait(child)

    async def close(self) -> None:
        """Kill the children, with whatever they are doing. Waiting and running jobs raise RuntimeError."""
        self._closed = True
        await asyncio.gather(*(child.kill() for child in tuple(self._children)))
        self._children.clear()
        self._idle.put_nowait(None)

    async def run(self, function: Callable[..., Result], *args: Any) -> Result:
        """Call `function(*args)` in a child and return its result, or raise what it raised.

        Raises ImageUnreadable when the job takes too much time or memory, or ends its child. A crash and a hang may be
        the machine's fault, so they are tried once more in a fresh child; what used up its processor time is not.
        """
        request = pickle.dumps((function, args), protocol=pickle.HIGHEST_PROTOCOL)
        try:
            return cast(Result, await self._run_once(request))
        except _NoAnswer as first:
            if first.final:
                raise ImageUnreadable(f"Decoding failed: {first.reason}.") from None
        try:
            return cast(Result, await self._run_once(request, fresh_child=True))
        except _NoAnswer as second:
            raise ImageUnreadable(f"Decoding failed twice: {second.reason}.") from None

    async def _run_once(self, request: bytes, fresh_child: bool = False) -> Any:
        child = await self._take(fresh_child)
        healthy = False
        try:
            async with asyncio.timeout(self._wall_clock):
                answer = await child.call(request)
            if isinstance(answer.value, MemoryError):
                raise ImageUnreadable("Decoding took more memory than a photo is given.")
            healthy = True
        except TimeoutError:
            raise _NoAnswer(f"it took more than {self._wall_clock:g} seconds") from None
        finally:
            if healthy and child.jobs < self._jobs_per_child and not self._closed:
                self._idle.put_nowait(child)
            else:
                await asyncio.shield(self._discard(child))
        return answer.result()

    async def _take(self, fresh: bool) -> "_Child":
        """An idle child that lives, started now if it has to be.

        A second try starts one anyway: whatever killed the first child may have killed the idle ones unnoticed.
        """
        child = await self._idle.get()
        if self._closed:
            self._idle.put_nowait(None)  # whoever else waits is to know too
            raise RuntimeError("The pool is closed.")
        if child is not None and child.alive and not fresh:
            return child
        try:
            if child is not None:
                await self._forget(child)
            return await self._spawn()
        except BaseException:
            self._idle.put_nowait(None)
            raise

    async def _spawn(self) -> "_Child":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "mizzap_common.imaging.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _SETTINGS,
            limit=wire.BUFFER_BYTES,
        )
        child = _Child(process)
        self._children.add(child)
        try:
            async with asyncio.timeout(START_TIMEOUT):
                (await child.call(pickle.dumps(self._setup))).result()
        except _NoAnswer as error:
            await self._forget(child)
            raise ChildFailed(f"A decoding process could not start: {error.reason}.") from None
        except BaseException:
            await self._forget(child)
            raise
        child.jobs = 0
        return child

    async def _discard(self, child: "_Child") -> None:
        await self._forget(child)
        self._idle.put_nowait(None)

    async def _forget(self, child: "_Child") -> None:
        await child.kill()
        await child.read_rest()
        self._children.discard(child)


class _Child:
    """One child process and the pipe to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.jobs = 0

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def call(self, request: bytes) -> wire.Answer:
        """Send a request and wait for its answer. Raises _NoAnswer."""
        self.jobs += 1
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(wire.length_of(request))
            self._process.stdin.write(request)
            await self._process.stdin.drain()
            length = wire.read_length(await self._process.stdout.readexactly(wire.LENGTH_BYTES))
            return wire.load_answer(await self._process.stdout.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _ended(await self._process.wait()) from None

    async def kill(self) -> None:
        if self.alive:
            try:
                self._process.kill()
            except ProcessLookupError:
                pass  # it ended by itself a moment ago
        await self._process.wait()

    async def read_rest(self) -> None:
        """Empty the pipe of a child that was killed while it answered, so that it is closed."""
        assert self._process.stdout is not None
        await self._process.stdout.read()


def _ended(returncode: int) -> _NoAnswer:
    if returncode == -signal.SIGXCPU:
        return _NoAnswer("it took too much processor time", final=True)
    how = signal.Signals(-returncode).name if returncode < 0 else f"exit code {returncode}"
    return _NoAnswer(f"its process ended ({how})")
