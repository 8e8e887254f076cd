"""The whole of MIZZAP on one machine, from an empty folder to a gateway that answers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from mizzap_devstack.broker_users import BrokerUsers
from mizzap_devstack.errors import StackError
from mizzap_devstack.files import Passwords, create_folder, read_json, write_atomic
from mizzap_devstack.keys import Keys
from mizzap_devstack.lock import is_running
from mizzap_devstack.partner_simulator.command import curation_settings
from mizzap_devstack.ports import Ports
from mizzap_devstack.preflight import choose_gateway_port
from mizzap_devstack.program import Program, base_environment
from mizzap_devstack.progress import Progress
from mizzap_devstack.servers import NatsServer, PostgresServer, QdrantServer, S3Server, Server
from mizzap_devstack.servers.base import answers
from mizzap_devstack.servers.postgres import SERVICES_WITH_DATABASE
from mizzap_devstack.services import SERVICE_COMMAND, SERVICES, Servers, Services, allot_ports
from mizzap_devstack.supervisor import Kept, Supervisor, describe_exit

START_SECONDS = 120.0
# So often may a process end before it is ready; PostgreSQL needs several tries after a kill -9.
SERVER_EXITS = 7
SERVICE_EXITS = 3
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Options:
    """What `mizzap-devstack up` was asked for; `gateway_port` None takes 8080 or a free one."""

    data: Path
    gateway_port: int | None = None
    servers_only: bool = False
    service_command: str = SERVICE_COMMAND


class Stack:
    """One running stack on a data folder whose lock the caller holds."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self._options = options
        self._progress = progress
        self._data = options.data
        ports, passwords = Ports(self._data, os.environ), Passwords(self._data)
        users = BrokerUsers(passwords)
        self._servers = Servers(
            NatsServer(self._data, ports, users.authorization()),
            PostgresServer(self._data, ports, passwords),
            S3Server(self._data, ports, passwords),
            QdrantServer(self._data, ports),
        )
        service_ports = (
            {} if options.servers_only else allot_ports(ports, choose_gateway_port(ports, options.gateway_port))
        )
        self._keys = Keys(self._data)
        self._users = users
        partners = {} if options.servers_only else curation_settings(ports, passwords)
        self._services = Services(self._servers, service_ports, self._keys, users, options.service_command, partners)
        self._logs = create_folder(self._data / "logs")
        self.supervisor = Supervisor(self._logs, self._write_state, self._report)

    @property
    def gateway_url(self) -> str:
        return self._services.url("gateway")

    async def start(self) -> None:
        """Start everything and return when all of it is ready. Raises StackError."""
        await together(*(self._start_server(server) for server in self._servers.all()))
        if self._options.servers_only:
            return
        self._keys.ensure(SERVICES)
        await self._prepare_services()
        await together(*(self._start_service(service) for service in SERVICES))

    async def stop(self) -> None:
        """Stop the services, then the servers."""
        await self.supervisor.stop([name for name in SERVICES if name in self.supervisor.names])
        await self.supervisor.stop()
        (self._data / "stack.json").unlink(missing_ok=True)

    async def model(self) -> str:
        """The id of the embedding model in use, as dedup names it in /ready; empty when it names none."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = (await client.get(f"{self._services.url('dedup')}/ready")).json()
        model = answer.get("info", {}).get("model") or ""
        return str(model.get("id", "") if isinstance(model, dict) else model)

    async def _start_server(self, server: Server) -> None:
        with self._progress.part(server.name, server.address):
            await asyncio.to_thread(server.prepare)
            kept = self.supervisor.keep(server.program())
            await until_ready(kept, server.is_ready, SERVER_EXITS)
            await asyncio.to_thread(server.provision)

    async def _start_service(self, service: str) -> None:
        url = self._services.url(service)
        with self._progress.part(service, url):
            kept = self.supervisor.keep(self._services.program(service))
            await until_ready(kept, lambda: answers(f"{url}/ready"), SERVICE_EXITS)

    async def _prepare_services(self) -> None:
        """Migrations, streams and the model, side by side."""
        programs = [self._services.migrations(), self._services.streams()]
        if not os.environ.get("MIZZAP_MODEL"):
            programs.append(Program("model", (sys.executable, "-m", "mizzap_devstack.tower"), base_environment()))
        await together(*(self._run(program) for program in programs))

    async def _run(self, program: Program) -> None:
        """Run a program to its end. Raises StackError when it fails."""
        log = self._logs / f"{program.name}.log"
        with self._progress.part(program.name):
            with log.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    *program.argv, stdout=output, stderr=asyncio.subprocess.STDOUT, **program.options()
                )
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
            if code:
                raise StackError(f"The step {program.name} {describe_exit(code)}: {last_line(log)} (log: {log})")

    def _report(self, sentence: str) -> None:
        self._progress.say(f"  [yellow]![/] {sentence}")

    def _write_state(self, pids: dict[str, int]) -> None:
        servers, services = self._servers, self._services
        state = {
            "gateway": None if self._options.servers_only else self.gateway_url,
            "supervisor": os.getpid(),
            "pids": pids,
            "urls": {
                "nats": servers.nats.url,
                "postgres": servers.postgres.admin_url,
                "s3": f"http://{servers.s3.settings.endpoint}",
                "qdrant": servers.qdrant.url,
                **{service: services.url(service) for service in services.ports},
            },
            "broker_users": {name: self._users.password(name) for name in self._users.names},
            "databases": {name: servers.postgres.database_url(name) for name in SERVICES_WITH_DATABASE},
            "s3": vars(servers.s3.settings),
        }
        write_atomic(self._data / "stack.json", json.dumps(state, indent=2), mode=0o600)


def read_stack(data: Path) -> dict[str, Any] | None:
    """What `<data>/stack.json` says of the stack that runs on this folder; None when none runs.

    Keys: gateway (URL, None with --servers-only), supervisor (pid), pids (name → pid), urls (name → URL),
    broker_users (name → password at NATS), databases (service → SQLAlchemy URL), s3 (endpoint, access_key, secret_key, bucket).
    """
    return read_json(data / "stack.json") or None if is_running(data) else None


async def until_ready(kept: Kept, is_ready: Callable[[], bool], exits: int) -> None:
    """Wait until `is_ready`. Raises StackError when the process ends `exits` times, or after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not await asyncio.to_thread(is_ready):
        name = kept.program.name
        if kept.exits >= exits and kept.last_exit is not None:
            ended = describe_exit(kept.last_exit)
            raise StackError(f"{name} {ended}, {kept.exits} times: {last_line(kept.log)} (log: {kept.log})")
        if time.monotonic() > deadline:
            raise StackError(
                f"{name} is not ready after {START_SECONDS:.0f} s: {last_line(kept.log)} (log: {kept.log})"
            )
        await asyncio.sleep(LOOK_SECONDS)


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts side by side; when one fails, the others are cancelled and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def last_line(log: Path) -> str:
    """The last words of a process, for the one sentence that the user reads."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][-300:] if lines else "it said nothing"
