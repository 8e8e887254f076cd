"""The supervisor: what dies comes back, what is stopped is gone, and nothing outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from mizzap_devstack import supervisor as module
from mizzap_devstack.errors import StackError
from mizzap_devstack.program import Program, base_environment
from mizzap_devstack.stack import until_ready
from mizzap_devstack.supervisor import Kept, Supervisor, bound

FOREVER = "import signal, time; print('up', flush=True); signal.pause()"


def python(name: str, code: str, **options: object) -> Program:
    return Program(name, (sys.executable, "-c", code), base_environment(), **options)  # type: ignore[arg-type]


async def eventually(condition: Callable[[], object], seconds: float = 20) -> None:
    """Look again until `condition` holds: processes tell nobody of what becomes of them."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def supervising(logs: Path, **options: object) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(logs, **options)  # type: ignore[arg-type]
    try:
        yield supervisor
    finally:
        await supervisor.stop()


def says(kept: Kept, times: int) -> Callable[[], bool]:
    return lambda: kept.log.exists() and kept.log.read_text().count("up\n") == times


async def test_what_dies_comes_back_and_its_new_pid_is_told(tmp_path: Path) -> None:
    states: list[dict[str, int]] = []
    sentences: list[str] = []
    async with supervising(tmp_path, changed=states.append, report=sentences.append) as supervisor:
        kept = supervisor.keep(python("photos", FOREVER))
        await eventually(says(kept, 1))
        first = supervisor.pids["photos"]
        os.kill(first, signal.SIGKILL)
        await eventually(says(kept, 2))
        assert supervisor.pids["photos"] != first
        assert states == [{"photos": first}, {}, supervisor.pids]
        assert sentences == ["photos was ended by SIGKILL; starting it again"]
    assert states[-1] == {}


async def test_restarts_are_quick_at_first_and_never_slower_than_the_longest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    enough = asyncio.Event()
    sleep = asyncio.sleep

    async def record(seconds: float) -> None:
        if seconds != module.LOG_PERIOD:
            waits.append(seconds)
        if len(waits) == 8:
            enough.set()
        await sleep(0 if len(waits) < 8 else 60)

    monkeypatch.setattr(asyncio, "sleep", record)
    async with supervising(tmp_path) as supervisor:
        supervisor.keep(Program("broken", ("/bin/false",), {}))
        await enough.wait()
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_a_process_that_ignores_the_stop_signal_is_killed_after_its_grace(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    async with supervising(tmp_path) as supervisor:
        kept = supervisor.keep(python("deaf", deaf, grace=0.5))
        await eventually(says(kept, 1))
        pid = supervisor.pids["deaf"]
    assert not psutil.pid_exists(pid)


async def test_worker_processes_of_a_dead_service_are_ended(tmp_path: Path) -> None:
    parent = f"""
import subprocess, sys, signal
worker = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("worker", worker.pid, flush=True)
{FOREVER}
"""
    async with supervising(tmp_path) as supervisor:
        kept = supervisor.keep(python("service", parent))
        await eventually(says(kept, 1))
        worker = int(kept.log.read_text().split()[1])
        os.kill(supervisor.pids["service"], signal.SIGKILL)
        await eventually(lambda: gone(worker))


async def test_a_service_that_is_no_longer_live_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(module, "LIVE_PERIOD", 0.05)
    server = f"""
import http.server, pathlib
red = pathlib.Path({str(tmp_path / "red")!r})
class Live(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if red.exists() else 200)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", {unused_tcp_port}), Live)
print("up", flush=True)
server.serve_forever()
"""
    sentences: list[str] = []
    async with supervising(tmp_path, report=sentences.append) as supervisor:
        url = f"http://127.0.0.1:{unused_tcp_port}/live"
        kept = supervisor.keep(python("sick", server, live_url=url))
        await eventually(says(kept, 1))
        await eventually(lambda: "GET /live" in kept.log.read_text())
        (tmp_path / "red").touch()
        await eventually(lambda: kept.exits == 1)
        (tmp_path / "red").unlink()
        await eventually(says(kept, 2))
    assert sentences[0].startswith("sick is no longer live")


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_kill_9_of_the_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    code = f"""
import asyncio, pathlib, sys
from mizzap_devstack.errors import StackError
from mizzap_devstack.program import Program, base_environment
from mizzap_devstack.stack import until_ready
from mizzap_devstack.supervisor import Supervisor
async def main():
    supervisor = Supervisor(pathlib.Path({str(tmp_path)!r}), lambda pids: print(*pids.values(), flush=True))
    supervisor.keep(Program("child", (sys.executable, "-c", {FOREVER!r}), base_environment()))
    await asyncio.Event().wait()
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(await process.stdout.readline())
    assert not gone(child)
    process.kill()
    await process.wait()
    await eventually(lambda: gone(child))


def test_a_log_is_bounded_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "photos.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a" * 200)
        bound(log, limit=100)
        writer.write(b"b")
    assert log.read_bytes() == b"b"
    assert (tmp_path / "photos.log.1").read_bytes() == b"a" * 200


async def test_stop_goes_group_by_group(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        service = supervisor.keep(python("service", FOREVER))
        server = supervisor.keep(python("server", FOREVER))
        await eventually(says(service, 1))
        await eventually(says(server, 1))
        await supervisor.stop(["service"])
        assert list(supervisor.pids) == ["server"]
        assert not gone(supervisor.pids["server"])


async def test_a_process_that_never_gets_ready_is_reported_with_its_last_words(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        kept = supervisor.keep(python("photos", "raise SystemExit('no database')"))
        with pytest.raises(
            StackError, match=r"^photos ended with code 1, \d times: no database \(log: .*photos.log\)$"
        ):
            await until_ready(kept, is_ready=lambda: False, exits=2)
