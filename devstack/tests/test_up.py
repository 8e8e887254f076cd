"""`mizzap-devstack up` as its user meets it: a process that starts everything, or one clear sentence."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import psycopg
import pytest
from mizzap_devstack import __main__ as command
from mizzap_devstack import preflight
from mizzap_devstack.ports import Ports
from mizzap_devstack.stack import read_stack

SECONDS = 120


class Up:
    """One `mizzap-devstack up --servers-only` in a process of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mizzap_devstack", "up", "--servers-only", "--data", str(data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until(self, words: str) -> str:
        """Read its output up to the line with `words`."""
        assert self._process.stdout is not None
        lines: list[str] = []
        for line in self._process.stdout:
            lines.append(line)
            if words in line:
                return "".join(lines)
        raise AssertionError(f"it ended without {words!r}: {''.join(lines)}")

    @property
    def state(self) -> dict[str, Any]:
        state = read_stack(self.data)
        assert state is not None
        return state

    def end(self, number: signal.Signals) -> int:
        self._process.send_signal(number)
        self._process.communicate(timeout=SECONDS)
        return self._process.returncode


@pytest.fixture
def start_up() -> Iterator[Callable[[Path], Up]]:
    started: list[Up] = []

    def start(data: Path) -> Up:
        started.append(Up(data))
        return started[-1]

    yield start
    for up in started:
        up.end(signal.SIGKILL)


def run_up(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "mizzap_devstack", "up", *arguments]
    return subprocess.run(
        argv, capture_output=True, text=True, env=os.environ | environment, timeout=SECONDS, check=False
    )


def refused(result: subprocess.CompletedProcess[str]) -> str:
    """The one sentence, after checking that it is one."""
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    return result.stderr.strip()


def test_ctrl_c_stops_all_of_it_and_the_next_start_has_the_data(tmp_path: Path, start_up: Callable[[Path], Up]) -> None:
    up = start_up(tmp_path)
    up.until("servers are up")
    first = up.state
    assert set(first["pids"]) == {"nats", "postgres", "s3", "qdrant"}
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600
    with psycopg.connect(first["databases"]["photos"].replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")

    second = run_up("--servers-only", "--data", str(tmp_path))
    assert f"already runs on {tmp_path} (process {first['supervisor']})" in refused(second)

    assert up.end(signal.SIGINT) == 0
    assert not any(psutil.pid_exists(pid) for pid in first["pids"].values())
    assert read_stack(tmp_path) is None

    again = start_up(tmp_path)
    again.until("servers are up")
    assert again.state["urls"] == first["urls"]
    with psycopg.connect(again.state["databases"]["photos"].replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def test_killed_servers_come_back_where_they_were(tmp_path: Path, start_up: Callable[[Path], Up]) -> None:
    up = start_up(tmp_path)
    up.until("servers are up")
    before = up.state
    os.kill(before["pids"]["postgres"], signal.SIGKILL)
    up.until("postgres was ended by SIGKILL")
    wait_for_connection(before["databases"]["auth"].replace("+psycopg", ""))
    assert up.state["pids"]["postgres"] != before["pids"]["postgres"]
    assert up.state["urls"] == before["urls"]


def wait_for_connection(url: str) -> None:
    while True:
        try:
            psycopg.connect(url, connect_timeout=SECONDS).close()
        except psycopg.OperationalError:
            continue
        return


def test_kill_9_leaves_no_server_behind(tmp_path: Path, start_up: Callable[[Path], Up]) -> None:
    up = start_up(tmp_path)
    up.until("servers are up")
    servers = [psutil.Process(pid) for pid in up.state["pids"].values()]
    processes = [*servers, *(child for server in servers for child in server.children(recursive=True))]
    up.end(signal.SIGKILL)
    assert psutil.wait_procs(processes, timeout=SECONDS)[1] == []


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_a_gateway_port_in_use_is_named(tmp_path: Path, way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["--port", port] if way == "argument" else []
        sentence = refused(run_up("--data", str(tmp_path), *arguments, MIZZAP_PORT=port))
    assert f"Port {port} is in use" in sentence


def test_8080_or_a_free_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports(tmp_path, {})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(preflight, "GATEWAY_PORT", taken.getsockname()[1])
        other = preflight.choose_gateway_port(ports, None)
        assert other != taken.getsockname()[1]
        assert preflight.choose_gateway_port(ports, None) == other
    assert preflight.choose_gateway_port(ports, None) == preflight.GATEWAY_PORT


def test_a_full_disk_says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=10**12, used=10**12, free=10**8))
    monkeypatch.setattr(sys, "argv", ["mizzap-devstack", "up", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"has 0.09 GiB free and MIZZAP needs 1 GiB"):
        command.main()


def test_a_data_folder_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert f"The folder {file} can't be made" in refused(run_up("--data", str(file)))
    assert f"The folder {file / 'sub'} can't be made" in refused(run_up("--data", str(file / "sub")))


def test_an_old_python_is_told_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer"):
        command.main()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    assert f"{tmp_path / 'ports.json'} is damaged" in refused(run_up("--data", str(tmp_path)))


def test_a_failed_migration_is_one_line() -> None:
    urls = '{"auth": "postgresql+psycopg://auth:x@127.0.0.1:1/auth"}'
    argv = [sys.executable, "-m", "mizzap_devstack.migrate"]
    environment = os.environ | {"MIZZAP_DATABASE_URLS": urls}
    result = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=SECONDS, check=False)
    assert refused(result).startswith("auth: OperationalError: ")
