"""The guard: watches the broker from the service's side, and mends what the loss of its disk took away."""

import asyncio
import time

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from mizzap_common import streams
from mizzap_common.bus import Bus
from mizzap_common.db import DATABASE_ERRORS
from mizzap_common.relay import Relay
from mizzap_common.settings import Settings

INTERVAL_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Guard:
    """Knows when the broker last answered and which of our durables it lacks."""

    def __init__(self, bus: Bus, relay: Relay | None, settings: Settings) -> None:
        self.bus = bus
        self.relay = relay
        self.settings = settings
        self.answered_at = time.monotonic()
        self.missing: list[str] = []

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(30):
                    await self.look()
            except (NatsError, *DATABASE_ERRORS, OSError, TimeoutError) as error:
                log.warning("the broker does not answer", reason=repr(error))
            await asyncio.sleep(INTERVAL_SECONDS)

    async def look(self) -> None:
        """One look. Declares streams and durables again where they are gone and the settings allow it."""
        if not self.bus.client.is_connected:
            # the client pings by itself; a service without durables asks nothing else of the broker
            raise ConnectionError("not connected")
        missing = await self._missing()
        if missing and self.settings.declare_streams:
            log.warning("declaring streams and durables again", missing=missing)
            await self._declare()
            missing = await self._missing()
        self.missing = missing
        if self.relay is not None:
            await self._check_epoch(self.relay)
        self.answered_at = time.monotonic()

    async def _declare(self) -> None:
        try:
            await streams.declare_own(self.bus.jetstream, self.bus.service, self.settings.nats_replicas)
        except NotFoundError:
            # a stream that another service publishes to: that one declares it, we look again
            log.warning("a stream is not there yet")

    async def _check_epoch(self, relay: Relay) -> None:
        try:
            await relay.check_epoch()
        except NotFoundError:
            # a service that publishes nothing has no stream of its own
            return

    async def _missing(self) -> list[str]:
        found = []
        for event in self.bus.consumed:
            durable = event.durable(self.bus.service)
            try:
                await self.bus.jetstream.consumer_info(event.stream, durable)
            except NotFoundError:
                found.append(durable)
        return found

    def problems(self) -> list[str]:
        """Why this process should be replaced; empty while all is well."""
        silent = time.monotonic() - self.answered_at
        found = [f"durable {name} is gone" for name in self.missing]
        found += [f"consumer {name} has stopped" for name in self.bus.dead_consumers()]
        if silent > self.settings.broker_silence_seconds:
            found.append(f"the broker has not answered for {silent:.0f} s")
        return found
