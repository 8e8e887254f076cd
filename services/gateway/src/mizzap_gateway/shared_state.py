"""What all gateways share in the broker: made at the start, and again whenever the broker has lost it."""

import asyncio

import structlog
from mizzap_common import streams
from mizzap_common.bus import Bus
from mizzap_common.contracts.shared_state import OWNER
from nats.errors import Error as NatsError

from mizzap_gateway.settings import GatewaySettings

log = structlog.get_logger(__name__)


class SharedState:
    """Declares counters and buckets, where ``declare_streams`` allows it; else the operator has done so."""

    def __init__(self, bus: Bus, settings: GatewaySettings) -> None:
        self._bus = bus
        self._settings = settings
        self._declaring: asyncio.Task[None] | None = None

    async def declare(self) -> None:
        """All who miss something at the same moment wait for one declaration. Raises what the broker's client does."""
        if not self._settings.declare_streams:
            return
        if self._declaring is None or self._declaring.done():
            declaration = streams.declare_own(self._bus.jetstream, OWNER, self._settings.nats_replicas)
            self._declaring = asyncio.create_task(declaration)
        await asyncio.shield(self._declaring)

    async def prepare(self) -> None:
        """As ``declare``; a broker that can't now is asked again by the first who needs it."""
        try:
            await self.declare()
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("the shared state is not declared", reason=repr(error))
