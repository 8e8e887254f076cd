"""Events to the users' open sockets: ``/ws?token={jwt}``, or ``/ws`` with the cookie. A hint only, the REST API is
the truth."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from mizzap_common import tasks
from mizzap_common.contracts.catalog import EVENTS, Event
from mizzap_common.contracts.events import UserEvent
from mizzap_common.errors import Forbidden, InvalidInput, Unauthorized, Unavailable
from prometheus_client import Gauge
from pydantic import ValidationError

from mizzap_gateway import cookies
from mizzap_gateway.cookies import Origins
from mizzap_gateway.sessions import Sessions
from mizzap_gateway.settings import GatewaySettings
from mizzap_gateway.tokens import Caller, Tokens

UNAUTHORIZED = 4401
TOO_SLOW = 4429
TRY_AGAIN_LATER = 1013
EVENTS_SHOWN = tuple(event for event in EVENTS if event.websocket)
_CLOSING_SECONDS = 5.0

_SOCKETS = Gauge("mizzap_websockets", "Open WebSockets")

log = structlog.get_logger(__name__)


class Outlet:
    """What waits for one socket."""

    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[str] = asyncio.Queue(size)
        self.overflowed = asyncio.Event()

    def offer(self, message: str) -> None:
        """Never waits: a socket that doesn't keep up must not hold up the others."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.overflowed.set()

    async def pour(self, websocket: WebSocket) -> None:
        while True:
            await websocket.send_text(await self._queue.get())


class Sockets:
    """All open sockets of this process, by user."""

    def __init__(self, tokens: Tokens, sessions: Sessions, origins: Origins, settings: GatewaySettings) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._origins = origins
        self._size = settings.socket_queue
        self._outlets: dict[int, set[Outlet]] = defaultdict(set)

    async def watch(self, event: Event[UserEvent], body: bytes, headers: dict[str, str]) -> None:
        """Gives an event of the bus to the sockets of those it is for, and to nobody else's."""
        try:
            payload = event.payload.model_validate_json(body)
        except ValidationError:
            log.warning("an unreadable event is not shown", subject=event.subject)
            return
        outlets = [outlet for user_id in payload.watchers for outlet in self._outlets.get(user_id, ())]
        if not outlets:
            return
        data = payload.model_dump(mode="json", by_alias=True)
        message = json.dumps({"event": event.websocket, "id": headers.get("ce-id"), "data": data})
        for outlet in outlets:
            outlet.offer(message)

    async def serve(self, websocket: WebSocket) -> None:
        """One connection, from its handshake to its end."""
        try:
            caller = await self._tokens.verify(self._token(websocket))
            await self._sessions.check(caller)
        except (Unauthorized, InvalidInput, Forbidden) as error:
            return await _refuse(websocket, UNAUTHORIZED, error.code)
        except Unavailable as error:
            return await _refuse(websocket, TRY_AGAIN_LATER, error.code)
        # registered first: what happens from the handshake on is shown
        with self._outlet(caller) as outlet:
            await websocket.accept()
            ended = asyncio.create_task(self._sessions.wait_until_ended(caller))
            code = await _converse(websocket, outlet, ended, caller.expires_at - time.time())
        if code is not None:
            await _close(websocket, code)

    def _token(self, websocket: WebSocket) -> str:
        """Raises InvalidInput TWO_CREDENTIALS, Forbidden ORIGIN_REFUSED."""
        said, cookie = websocket.query_params.get("token"), websocket.cookies.get(cookies.ACCESS)
        if cookie is None:
            return said or ""
        if said is not None:
            raise cookies.two_credentials()
        # browsers open sockets to anybody, and send our cookies along
        self._origins.require(websocket)
        return cookie

    @contextmanager
    def _outlet(self, caller: Caller) -> Iterator[Outlet]:
        outlet = Outlet(self._size)
        self._outlets[caller.user_id].add(outlet)
        _SOCKETS.inc()
        try:
            yield outlet
        finally:
            _SOCKETS.dec()
            self._outlets[caller.user_id].discard(outlet)
            if not self._outlets[caller.user_id]:
                del self._outlets[caller.user_id]


async def _converse(
    websocket: WebSocket, outlet: Outlet, ended: asyncio.Task[None], seconds: float
) -> int | None:  # fmt: skip
    """Sends until the token expires, the session has ended, the socket is too slow or the client goes.

    Returns the code to close with.
    """
    gone = asyncio.create_task(_listen(websocket))
    pouring = asyncio.create_task(outlet.pour(websocket))
    overflowed = asyncio.create_task(outlet.overflowed.wait())
    conversation = (gone, pouring, overflowed, ended)
    try:
        await asyncio.wait(conversation, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        if gone.done() or pouring.done():
            return None
        return TOO_SLOW if overflowed.done() else UNAUTHORIZED
    finally:
        await tasks.end(conversation)


async def _listen(websocket: WebSocket) -> None:
    """Clients have nothing to say; ends when one goes."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _refuse(websocket: WebSocket, code: int, reason: str) -> None:
    # a close code reaches the client only after the handshake
    await websocket.accept()
    await _close(websocket, code, reason)


async def _close(websocket: WebSocket, code: int, reason: str | None = None) -> None:
    # a client that reads nothing never takes the closing frame either, and one that is gone needs none
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(_CLOSING_SECONDS):
            await websocket.close(code, reason)
