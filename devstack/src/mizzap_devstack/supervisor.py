"""Keeps processes running: restarts what dies or turns unhealthy, stops all of it in order."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx

from mizzap_devstack.program import Program, kill_group

FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0
# A process that has run so long has left its start behind: the next restart is a quick one again.
SETTLED_SECONDS = 10.0
# As Kubernetes' livenessProbe in deploy/: periodSeconds, timeoutSeconds, failureThreshold.
LIVE_PERIOD, LIVE_TIMEOUT, LIVE_FAILURES = 5.0, 5.0, 3
LOG_BYTES = 10 * 1024**2
LOG_PERIOD = 10.0


class Kept:
    """One program that the supervisor keeps running."""

    def __init__(self, program: Program, log: Path, changed: Callable[[], None], report: Callable[[str], None]) -> None:
        self.program = program
        self.log = log
        self.process: Process | None = None
        self.last_exit: int | None = None
        self.exits = 0
        self._changed = changed
        self._report = report
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """No more restarts; the stop signal, `grace` seconds, then SIGKILL for the whole process group."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self.process is None:
            return
        if self.process.returncode is None:
            self.process.send_signal(self.program.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), self.program.grace)
        kill_group(self.process.pid)
        await self.process.wait()
        self.process = None

    async def _keep(self) -> None:
        delay = FIRST_DELAY
        while True:
            started = time.monotonic()
            self.process = await self._spawn()
            self._changed()
            code = await self._ended(self.process)
            kill_group(self.process.pid)  # its worker processes
            self.process, self.last_exit = None, code
            self.exits += 1
            self._changed()
            if time.monotonic() - started > SETTLED_SECONDS:
                delay = FIRST_DELAY
            self._report(f"{self.program.name} {describe_exit(code)}; starting it again")
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _spawn(self) -> Process:
        with self.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *self.program.argv, stdout=output, stderr=asyncio.subprocess.STDOUT, **self.program.options()
            )

    async def _ended(self, process: Process) -> int:
        """Wait for the process's end; one that is no longer live is ended."""
        if self.program.live_url is None:
            return await process.wait()
        watching = asyncio.create_task(until_not_live(self.program.live_url))
        ending = asyncio.create_task(process.wait())
        try:
            await asyncio.wait([watching, ending], return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                self._report(f"{self.program.name} is no longer live ({watching.result()})")
                process.kill()
            return await ending
        finally:
            watching.cancel()
            ending.cancel()


async def until_not_live(url: str) -> str:
    """Return the last answer once `url` has answered 200 and then failed LIVE_FAILURES times in a row."""
    failures, seen_live = 0, False
    async with httpx.AsyncClient(timeout=LIVE_TIMEOUT, trust_env=False) as client:
        while True:
            await asyncio.sleep(LIVE_PERIOD)
            try:
                response = await client.get(url)
                live, answer = response.status_code == 200, response.text
            except httpx.TransportError as error:
                live, answer = False, repr(error)
            seen_live = seen_live or live
            failures = 0 if live or not seen_live else failures + 1
            if failures >= LIVE_FAILURES:
                return answer


def describe_exit(code: int) -> str:
    """An exit code of a child, in words."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


class Supervisor:
    """All kept programs of one stack. Use it from the main thread: children die with the thread that started them.

    `logs` gets a file per program; `changed` is called with name → pid whenever that map changes, `report` with a
    sentence for the user whenever something died.
    """

    def __init__(
        self,
        logs: Path,
        changed: Callable[[dict[str, int]], None] = lambda pids: None,
        report: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._logs = logs
        self._changed = changed
        self._report = report
        self._kept: dict[str, Kept] = {}
        self._bounding: asyncio.Task[None] | None = None

    @property
    def names(self) -> list[str]:
        return list(self._kept)

    @property
    def pids(self) -> dict[str, int]:
        """Name → process id of what runs now."""
        return {name: kept.pid for name, kept in self._kept.items() if kept.pid is not None}

    def keep(self, program: Program) -> Kept:
        """Start `program` and keep it running until `stop`."""
        kept = Kept(program, self._logs / f"{program.name}.log", self._on_change, self._report)
        self._kept[program.name] = kept
        kept.start()
        if self._bounding is None:
            self._bounding = asyncio.create_task(self._bound_logs())
        return kept

    async def stop(self, names: Iterable[str] | None = None) -> None:
        """Stop these programs (default: all) side by side."""
        chosen = list(self._kept if names is None else names)
        await asyncio.gather(*(self._kept.pop(name).stop() for name in chosen))
        self._on_change()
        if not self._kept and self._bounding:
            self._bounding.cancel()

    def kill(self) -> None:
        """SIGKILL for everything, for who can't wait for `stop`."""
        for pid in self.pids.values():
            kill_group(pid)

    def _on_change(self) -> None:
        self._changed(self.pids)

    async def _bound_logs(self) -> None:
        while True:
            for kept in self._kept.values():
                bound(kept.log)
            await asyncio.sleep(LOG_PERIOD)


def bound(log: Path, limit: int = LOG_BYTES) -> None:
    """Move the text of a log over `limit` bytes to NAME.log.1; its writer, who appends, goes on in the emptied file."""
    if log.exists() and log.stat().st_size > limit:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        with log.open("r+b") as file:
            file.truncate(0)
