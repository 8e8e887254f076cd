"""A whole stack in a folder of its own, started as a user would start it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from mizzap_common.contracts import catalog

_START_SECONDS = 240.0
_STOP_SECONDS = 60.0


class Stack:
    def __init__(self, data: Path) -> None:
        self.data = data

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.data / "stack.json").read_text())
        return state

    @property
    def gateway(self) -> str:
        return str(self.state["gateway"])

    def pid(self, name: str) -> int | None:
        """None while the supervisor is starting it again."""
        pids: dict[str, int] = self.state["pids"]
        return pids.get(name)

    def database(self, service: str) -> str:
        """libpq's URL of a service's database."""
        return str(self.state["databases"][service]).replace("postgresql+psycopg://", "postgresql://")


@contextmanager
def running_stack(
    data: Path, service_command: str | None = None, environment: dict[str, str] | None = None
) -> Iterator[Stack]:
    """Starts ``mizzap-devstack up``, waits until all services are ready, stops it at the end as Ctrl-C does."""
    # a port of its own: while its gateway is killed, another stack on this machine could take the usual one
    command = [sys.executable, "-m", "mizzap_devstack", "up", "--data", str(data), "--port", str(_free_port())]
    if service_command:
        command += ["--service-command", service_command]
    data.mkdir(parents=True, exist_ok=True)
    output = data / "up.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            # these tests ask as often as they can
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "MIZZAP_LIMITS_FACTOR": "1000", **(environment or {})},
        )
        try:
            _wait_until(lambda: _is_ready(Stack(data)), process, output)
            yield Stack(data)
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


@contextmanager
def another_gateway(stack: Stack, module: str = "mizzap_gateway", **settings: str) -> Iterator[str]:
    """One more gateway of the same stack, with these settings changed. Gives its address."""
    lines = Path(f"/proc/{stack.pid('gateway')}/environ").read_bytes().decode().rstrip("\0").split("\0")
    port = _free_port()
    environment = dict(line.split("=", 1) for line in lines) | {"MIZZAP_PORT": str(port), "PYTHONPATH": os.getcwd()}
    with (stack.data / f"gateway-{port}.log").open("wb") as log:
        command = [sys.executable, "-m", module]
        process = subprocess.Popen(command, env=environment | settings, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until(lambda: _answers(f"{url}/ready"), process, Path(log.name))
        yield url
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"it did not get ready: {output.read_text()[-2000:]}")
        time.sleep(0.3)


def _is_ready(stack: Stack) -> bool:
    """Whether every service says so; the gateway alone is ready before those behind it."""
    try:
        urls = stack.state["urls"]
        return all(_answers(f"{urls[service]}/ready") for service in catalog.SERVICES)
    except (OSError, ValueError, KeyError):
        return False
