"""Tickets: what a page opens its WebSocket with, so that no access token stands in an address.

A ticket holds for thirty seconds and for one socket, whichever gateway made it and whichever takes it.
"""

import dataclasses
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable

from mizzap_common.bus import Bus
from mizzap_common.contracts.shared_state import TICKETS
from mizzap_common.errors import Unauthorized, Unavailable
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, KeyNotFoundError, NoStreamResponseError
from nats.js.kv import KeyValue

from mizzap_gateway.tokens import Caller

LIFETIME_SECONDS = TICKETS.max_age
_LONGEST = 128


class Tickets:
    """Makes tickets and takes them back."""

    def __init__(self, bus: Bus, declare: Callable[[], Awaitable[None]]) -> None:
        self._bus = bus
        self._declare = declare

    def _bucket(self) -> KeyValue:
        return KeyValue(TICKETS.name, TICKETS.stream, TICKETS.prefix, self._bus.jetstream, direct=TICKETS.direct)

    async def issue(self, caller: Caller) -> str:
        """Raises Unavailable."""
        ticket = secrets.token_urlsafe(32)
        value = json.dumps(dataclasses.asdict(caller)).encode()
        try:
            try:
                await self._bucket().create(_name(ticket), value)
            except NoStreamResponseError:
                await self._declare()
                await self._bucket().create(_name(ticket), value)
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable("No ticket can be had right now. Please try again.") from error
        return ticket

    async def redeem(self, ticket: str) -> Caller:
        """Who got it. Raises Unauthorized INVALID_TICKET for one that is unknown, used or too old; Unavailable."""
        if not 0 < len(ticket) <= _LONGEST:
            raise _invalid()
        bucket, name = self._bucket(), _name(ticket)
        try:
            entry = await bucket.get(name)
            # of two who have read it, one deletes this revision; the other's deletion is refused
            await bucket.delete(name, last=entry.revision)
        except (KeyNotFoundError, APIError, NoRespondersError, NoStreamResponseError) as error:
            raise _invalid() from error
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable("No ticket can be looked up right now. Please try again.") from error
        return Caller(**json.loads(entry.value or b"{}"))


def _name(ticket: str) -> str:
    """The bucket shows no ticket that still holds."""
    return hashlib.sha256(ticket.encode(errors="replace")).hexdigest()


def _invalid() -> Unauthorized:
    return Unauthorized("The ticket is not valid, was used or has expired. Please get another.", code="INVALID_TICKET")
