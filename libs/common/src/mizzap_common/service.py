"""One running service: its parts, its background work, and the three addresses that operators look at."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, TypeVar

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mizzap_common import migrations, tasks, telemetry
from mizzap_common.bus import Bus
from mizzap_common.contracts import invalidation
from mizzap_common.db import DATABASE_ERRORS, Database
from mizzap_common.guard import Guard
from mizzap_common.relay import Relay
from mizzap_common.settings import DatabaseSettings, Settings
from mizzap_common.storage import Storage

S = TypeVar("S", bound=Settings)
Check = Callable[[], Awaitable[Any]]
_FORGET_EVERY_SECONDS = 3600.0
SOCKET_PING_SECONDS = 25.0

log = structlog.get_logger(__name__)


class Service:
    """The composition root's tool: makes the parts from the settings, starts and stops them in order.

    ``app.py`` of a service makes one, subscribes its handlers, adds what else must start, stop or run beside.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self._database: Database | None = None
        if isinstance(settings, DatabaseSettings):
            self._database = Database(settings.database_url.get_secret_value(), settings.database_pool)
        self.bus = Bus(
            name, settings.nats_url, self._database, settings.handler_workers, settings.nats_user,
            settings.nats_password.get_secret_value(),
        )  # fmt: skip
        if self._database is not None and name in invalidation.SOURCES:
            self._database.on_changed = self.bus.say_changed
        self.storage = Storage(settings)
        self.checks: dict[str, Check] = {"storage": self.storage.ping}
        if self._database is not None:
            self.checks["database"] = self._database.ping
        self.info: dict[str, Any] = {}
        """Shown by /ready: what an operator should know about this process, as the model in use."""
        self._on_start: list[Check] = []
        self._on_stop: list[Check] = []
        self._background: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.guard: Guard | None = None

    @property
    def database(self) -> Database:
        assert self._database is not None, f"{self.name} has no database"
        return self._database

    def on_start(self, step: Check) -> None:
        """Runs before the first event is taken; a failure ends the process."""
        self._on_start.append(step)

    def on_stop(self, step: Check) -> None:
        """Runs after the last event was handled, in reverse order."""
        self._on_stop.insert(0, step)

    def background(self, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs beside the handlers until the service stops. Should it end by itself, liveness turns red."""
        self._background.append(loop)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything of this service but its HTTP server."""
        client = await self.bus.connect()
        relay = Relay(self.name, self._database, client.jetstream(timeout=5)) if self._database else None
        self.guard = Guard(self.bus, relay, self.settings)
        await self.guard.look()
        for step in self._on_start:
            await step()
        await self.bus.start()
        loops = [self.guard.run, *self._background]
        if relay is not None:
            loops += [relay.run, lambda: _forget(relay)]
        self._tasks = [asyncio.create_task(loop()) for loop in loops]
        log.info("started", **self.info)
        try:
            yield
        finally:
            await self._stop()

    async def _stop(self) -> None:
        log.info("stopping")
        await tasks.end(self._tasks)
        await self.bus.stop()
        for step in self._on_stop:
            await step()
        if self._database is not None:
            await self._database.close()

    def health_routes(self) -> list[Route]:
        return [
            Route("/live", self._live),
            Route("/ready", self._ready),
            Route("/metrics", self._metrics),
        ]

    async def _live(self, _: Request) -> Response:
        problems = self.guard.problems() if self.guard else ["not started"]
        problems += [f"background work ended: {task.exception()!r}" for task in self._tasks if task.done()]
        return JSONResponse({"live": not problems, "problems": problems}, status_code=503 if problems else 200)

    async def _ready(self, _: Request) -> Response:
        results = await asyncio.gather(*(_passes(check) for check in self.checks.values()))
        checks = dict(zip(self.checks, results, strict=True))
        checks["broker"] = "ok" if self.bus.client.is_connected else "not connected"
        ready = all(result == "ok" for result in checks.values())
        body = {"service": self.name, "ready": ready, "checks": checks, "info": self.info}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def _metrics(self, _: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    def asgi(self) -> Starlette:
        """The HTTP side of a service that speaks no HTTP to the world: health and metrics alone."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            async with self.running():
                yield

        return Starlette(routes=self.health_routes(), lifespan=lifespan)


async def _forget(relay: Relay) -> None:
    every, outages = _FORGET_EVERY_SECONDS, (*DATABASE_ERRORS, OSError)
    await tasks.repeat(relay.forget_old, every, outages, "old events stay for another hour", first=every)


async def _passes(check: Check) -> str:
    try:
        async with asyncio.timeout(5):
            await check()
    except Exception as error:  # whatever a driver raises is the answer to "is it ready?"
        return f"{type(error).__name__}: {error}"[:200]
    return "ok"


def main(
    name: str,
    settings_type: type[S],
    build: Callable[[S], Any],
    commands: Mapping[str, Callable[[S, Sequence[str]], None]] = MappingProxyType({}),
) -> None:
    """What ``python -m mizzap_NAME [migrate | COMMAND …]`` does. ``build`` gives the ASGI application to serve.

    ``commands`` are the service's own, by name; each gets the settings and the words behind its name.
    """
    settings = settings_type()
    telemetry.set_up(name, settings.log_level)
    match sys.argv[1:]:
        case []:
            _serve(settings, build(settings))
        case ["migrate"] if isinstance(settings, DatabaseSettings):
            migrations.upgrade(f"mizzap_{name}", settings.database_url.get_secret_value())
        case [command, *words] if command in commands:
            commands[command](settings, words)
        case _:
            sys.exit(f"usage: python -m mizzap_{name} [{' | '.join(['migrate', *commands])}]")


def _serve(settings: Settings, application: Any) -> None:
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
        # limits count addresses: who may say that a request came from elsewhere has to be named, loopback too
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", ""),
        # a socket's peer that answers no ping is gone, whatever TCP still believes; none has anything long to say
        ws_ping_interval=SOCKET_PING_SECONDS,
        ws_ping_timeout=SOCKET_PING_SECONDS,
        ws_max_size=1 << 16,
    )
