"""The server's WebSocket: hints that something has happened, so that nobody needs to ask all the time."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlencode

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from mizzap_client.connection import AsyncConnection, is_loopback
from mizzap_client.errors import NotLoggedIn
from mizzap_client.exchange import delays
from mizzap_client.models import Event

CONNECTED = "connected"
"""Our own event: comes first after each connection, as others may have been missed before it."""
PING = "ping"
TOKEN_REFUSED = 4401


async def listen(connection: AsyncConnection) -> AsyncIterator[Event]:
    """Every event of the user's, for ever; connects again when the line breaks. Raises NotLoggedIn, Unreachable."""
    waits = delays()
    while True:
        if connection.session is None:
            raise NotLoggedIn("You are not logged in.")
        token = connection.session.access_token
        try:
            async with connect(
                _address(connection, token), proxy=None if is_loopback(connection.server) else True
            ) as ws:
                yield Event(event=CONNECTED, id="")
                async for message in ws:
                    waits = delays()
                    event = Event.model_validate_json(message)
                    if event.event != PING:
                        yield event
        except ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code == TOKEN_REFUSED:
                await connection.refresh(token)
        except (OSError, WebSocketException):
            # the caller polls besides: a server without a working WebSocket only makes it slower
            pass
        await asyncio.sleep(next(waits))


def _address(connection: AsyncConnection, token: str) -> str:
    scheme, _, rest = connection.server.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws?{urlencode({'token': token})}"
