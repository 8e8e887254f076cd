"""Events to the users' open sockets: ``/ws?ticket={ticket}``, ``/ws?token={jwt}``, or ``/ws`` with the cookie. The
REST API is the truth.

With ``&cursor={cursor}`` of the change feed a socket begins with what its client has missed. A dead peer is found by
the server's own pings (uvicorn's); ``{"event": "ping"}`` is for pages, which can't see those.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from mizzap_common import tasks
from mizzap_common.contracts.catalog import EVENTS, Event
from mizzap_common.contracts.events import UserEvent
from mizzap_common.errors import Forbidden, InvalidInput, MizzapError, Unauthorized, Unavailable
from prometheus_client import Gauge
from pydantic import ValidationError

from mizzap_gateway import cookies, problems
from mizzap_gateway.callers import Identities
from mizzap_gateway.changes import Changes
from mizzap_gateway.limits import RateLimited
from mizzap_gateway.origins import Origins
from mizzap_gateway.sessions import Sessions
from mizzap_gateway.settings import GatewaySettings
from mizzap_gateway.tickets import Tickets
from mizzap_gateway.tokens import Caller

INVALID = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
TOO_SLOW = 4429
TOO_MANY = 4430
TRY_AGAIN_LATER = 1013
EVENTS_SHOWN = tuple(event for event in EVENTS if event.websocket)
_CREDENTIALS = {"ticket", "token"}
_ROUTING = {"audience"}
"""What says who gets an event, and is nobody's business: who sees an album may be of families that share nothing else."""
_CLOSING_SECONDS = 5.0
_PING = json.dumps({"event": "ping"})

_SOCKETS = Gauge("mizzap_websockets", "Open WebSockets")

log = structlog.get_logger(__name__)


class TooManySockets(MizzapError):
    status = 429
    default_code = "TOO_MANY_SOCKETS"


AskMissed = Callable[[int, str], Awaitable[Changes]]
"""What has changed for a user since a cursor, a page of it. Raises InvalidInput for a cursor that is none, RateLimited,
Unavailable."""


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

    async def pour(self, websocket: WebSocket, ping_seconds: float) -> None:
        while True:
            message = _PING
            with suppress(TimeoutError):
                async with asyncio.timeout(ping_seconds):
                    message = await self._queue.get()
            await websocket.send_text(message)


class Sockets:
    """All open sockets of this process, by user."""

    def __init__(
        self,
        identities: Identities,
        tickets: Tickets,
        sessions: Sessions,
        origins: Origins,
        settings: GatewaySettings,
        ask_missed: AskMissed,
    ) -> None:
        self._identities = identities
        self._tickets = tickets
        self._sessions = sessions
        self._origins = origins
        self._size = settings.socket_queue
        self._ping_seconds = settings.socket_ping_seconds
        self._per_user = settings.sockets_per_user
        self._ask_missed = ask_missed
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
        data = payload.model_dump(mode="json", by_alias=True, exclude=_ROUTING)
        message = json.dumps({"event": event.websocket, "id": headers.get("ce-id"), "data": data})
        for outlet in outlets:
            outlet.offer(message)

    async def serve(self, websocket: WebSocket) -> None:
        """One connection, from its handshake to its end."""
        if self._is_foreign(websocket):
            # before the handshake, so that the page learns nothing but 403
            return await websocket.close(FORBIDDEN)
        try:
            caller = await self._caller(websocket)
        except (Unauthorized, InvalidInput, Forbidden) as error:
            return await _refuse(websocket, UNAUTHORIZED, error.code)
        except Unavailable as error:
            return await _refuse(websocket, TRY_AGAIN_LATER, error.code)
        if len(self._outlets.get(caller.user_id, ())) >= self._per_user:
            return await _refuse_too_many(websocket, self._per_user)
        # registered first: what happens from the handshake on is shown
        with self._outlet(caller) as outlet:
            await websocket.accept()
            ended = self._sessions.wait_until_ended(caller)
            speaking = self._speak(websocket, outlet, caller)
            end = await _converse(websocket, outlet, speaking, ended, caller.expires_at - time.time())
        if end is not None:
            await _close(websocket, *end)

    def _is_foreign(self, websocket: WebSocket) -> bool:
        """Whether a page that may not uses a token or a ticket. For cookies there are stricter rules."""
        if cookies.ACCESS in websocket.cookies and not _CREDENTIALS & websocket.query_params.keys():
            return False
        return not self._origins.may_connect(websocket.headers.get("origin"), websocket.headers.get("host", ""))

    async def _caller(self, websocket: WebSocket) -> Caller:
        """Raises Unauthorized, InvalidInput TWO_CREDENTIALS, Forbidden ORIGIN_REFUSED, Unavailable."""
        ticket, token = websocket.query_params.get("ticket"), websocket.query_params.get("token")
        cookie = websocket.cookies.get(cookies.ACCESS)
        if token is not None and (ticket is not None or cookie is not None):
            raise cookies.two_credentials()
        if ticket is not None:
            # with a cookie too: a browser sends that unasked, and the ticket was asked for
            caller = await self._tickets.redeem(ticket)
            await self._sessions.check(caller)
            return caller
        if cookie is not None:
            # browsers open sockets to anybody, and send our cookies along
            self._origins.require(websocket)
        return await self._identities.of_token(token or cookie or "")

    async def _speak(self, websocket: WebSocket, outlet: Outlet, caller: Caller) -> None:
        if cursor := websocket.query_params.get("cursor"):
            await self._catch_up(websocket, caller.user_id, cursor)
        await outlet.pour(websocket, self._ping_seconds)

    async def _catch_up(self, websocket: WebSocket, user_id: int, cursor: str) -> None:
        """Sends what was missed. Live events wait meanwhile: some may tell of the same again, none gets lost."""
        more = True
        while more:
            page = await self._ask_missed(user_id, cursor)
            cursor, more = page.cursor, page.has_more
            message = page.model_dump(mode="json", by_alias=True, include={"data", "cursor"})
            await websocket.send_text(json.dumps({"event": "changes", **message}))

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
    websocket: WebSocket,
    outlet: Outlet,
    speaking: Coroutine[Any, Any, None],
    ending: Coroutine[Any, Any, None],
    seconds: float,
) -> tuple[int, str | None] | None:
    """Until the token expires, its session has ended (``ending``), the socket is too slow, the client goes or nothing
    can be said. Gives how to close."""
    gone = asyncio.create_task(_listen(websocket))
    spoken = asyncio.create_task(speaking)
    overflowed = asyncio.create_task(outlet.overflowed.wait())
    ended = asyncio.create_task(ending)
    conversation = (gone, spoken, overflowed, ended)
    try:
        await asyncio.wait(conversation, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        if spoken.done() and not spoken.cancelled() and isinstance(error := spoken.exception(), MizzapError):
            return TRY_AGAIN_LATER if isinstance(error, Unavailable | RateLimited) else INVALID, error.code
        if gone.done() or spoken.done():
            return None
        return TOO_SLOW if overflowed.done() else UNAUTHORIZED, None
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


async def _refuse_too_many(websocket: WebSocket, quota: int) -> None:
    if "websocket.http.response" not in websocket.scope.get("extensions", {}):
        return await _refuse(websocket, TOO_MANY, TooManySockets.default_code)
    error = TooManySockets("There are too many open connections. Please close one first.", quota=quota)
    await websocket.send_denial_response(problems.of_error(error))


async def _close(websocket: WebSocket, code: int, reason: str | None = None) -> None:
    # a client that reads nothing never takes the closing frame either, and one that is gone needs none
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(_CLOSING_SECONDS):
            await websocket.close(code, reason)
