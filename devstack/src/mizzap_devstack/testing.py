"""The embedded servers for tests: real ones, started at first use, in a folder that is thrown away."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg

from mizzap_devstack.errors import StackError
from mizzap_devstack.files import Passwords, create_folder
from mizzap_devstack.ports import HOST, Ports
from mizzap_devstack.program import Program, spawn, stop
from mizzap_devstack.servers import (
    NatsServer,
    PostgresServer,
    QdrantServer,
    S3Server,
    Server,
)
from mizzap_devstack.servers.postgres import create_database
from mizzap_devstack.servers.s3 import S3Settings

START_SECONDS = 60.0
LOOK_SECONDS = 0.05


class TestServers:
    """NATS, PostgreSQL, S3 and Qdrant under `data`, each started when its address is first asked for.

    Use it from the main thread (a child dies with the thread that started it) and call `stop` at the end.
    PostgreSQL runs without fsync: it survives kill -9, not a power cut.
    """

    __test__ = False  # not a test class, whatever its name says to pytest

    def __init__(self, data: Path) -> None:
        create_folder(data)
        ports, self._passwords = Ports(data, environment={}), Passwords(data)
        self._nats = NatsServer(data, ports)
        self._postgres = PostgresServer(data, ports, self._passwords, databases=(), durable=False)
        self._s3 = S3Server(data, ports, self._passwords)
        self._qdrant = QdrantServer(data, ports)
        servers: tuple[Server, ...] = (
            self._nats,
            self._postgres,
            self._s3,
            self._qdrant,
        )
        self._servers = {server.name: server for server in servers}
        self._logs = create_folder(data / "logs")
        self._running: dict[str, tuple[Program, subprocess.Popen[bytes], IO[bytes]]] = {}

    @property
    def nats_url(self) -> str:
        self.start("nats")
        return self._nats.url

    @property
    def admin_database_url(self) -> str:
        """The superuser's libpq URL (postgresql://…), for looking into any database."""
        self.start("postgres")
        return self._postgres.admin_url

    @property
    def s3(self) -> S3Settings:
        self.start("s3")
        return self._s3.settings

    @property
    def qdrant_url(self) -> str:
        self.start("qdrant")
        return self._qdrant.url

    def create_database(self, name: str) -> str:
        """A fresh database owned by a fresh role, both called `name` and a random end; SQLAlchemy's URL of it."""
        unique = f"{re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_')[:40]}_{secrets.token_hex(4)}"
        password = secrets.token_hex(16)
        with psycopg.connect(self.admin_database_url, autocommit=True) as connection:
            create_database(connection, unique, password)
        return f"postgresql+psycopg://{unique}:{password}@{HOST}:{urlsplit(self._postgres.admin_url).port}/{unique}"

    def pid(self, name: str) -> int:
        """The process id of a running server: nats, postgres, s3 or qdrant."""
        return self._running[name][1].pid

    def start(self, *names: str) -> None:
        """Start these servers (all four when none is named) side by side and wait until they are ready.

        Raises:
            StackError: one ended or was not ready within START_SECONDS; the text has the end of its log.
        """
        wanted = [self._servers[name] for name in names or self._servers if name not in self._running]
        _side_by_side([server.prepare for server in wanted])
        for server in wanted:
            self._spawn(server)
        for server in wanted:
            self._wait(server)
        _side_by_side([server.provision for server in wanted])

    def kill(self, name: str) -> None:
        """kill -9, as a crash does it; `restart` brings the server back on the same port and data."""
        _, process, log = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()
        log.close()

    def restart(self, name: str) -> None:
        """Start a killed (or stop and start a running) server and wait until it is ready."""
        if name in self._running:
            self._stop(name)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.start(name)
            except StackError:
                # PostgreSQL refuses while the killed one's last processes still hold its shared memory.
                if time.monotonic() > deadline:
                    raise

    def stop(self) -> None:
        """Stop all that run."""
        for program, process, _ in self._running.values():
            if process.poll() is None:
                process.send_signal(program.stop_signal)  # to all first, so that their times to stop don't add up
        for name in list(self._running):
            self._stop(name)

    def _stop(self, name: str) -> None:
        program, process, log = self._running.pop(name)
        stop(process, program)
        log.close()

    def _spawn(self, server: Server) -> None:
        program = server.program()
        log = (self._logs / f"{server.name}.log").open("ab")
        self._running[server.name] = (program, spawn(program, log), log)

    def _wait(self, server: Server) -> None:
        process = self._running[server.name][1]
        deadline = time.monotonic() + START_SECONDS
        while not server.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                self._stop(server.name)
                tail = (self._logs / f"{server.name}.log").read_text(errors="replace")[-2000:]
                raise StackError(f"The server {server.name} did not get ready: {tail}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)


def _side_by_side(calls: Sequence[Callable[[], None]]) -> None:
    """Make the calls in a thread each and wait for all; the first error is raised."""
    with ThreadPoolExecutor(max_workers=len(calls) or 1) as pool:
        for future in [pool.submit(call) for call in calls]:
            future.result()


def shared_data(root: Path) -> Path | None:
    """The folder with the real photos beside the project, or None where it isn't."""
    folder = Path(os.environ.get("MIZZAP_SHARED_DATA", root.parent / "shared" / "data"))
    return folder if folder.is_dir() else None
