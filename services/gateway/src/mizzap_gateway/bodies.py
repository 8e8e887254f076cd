"""Request bodies: read whole, up to a size and within a time, before anybody looks at them. Uploads read their own."""

import asyncio
from collections.abc import Callable
from typing import cast

from mizzap_common.errors import MizzapError, TooLarge
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BODY = "mizzap.body"


class TooSlow(MizzapError):
    """The body did not arrive in time."""

    status = 408
    default_code = "BODY_TOO_SLOW"


class Bodies:
    """Refuses bodies of more than ``limit`` bytes, and those that take longer than ``seconds`` to arrive."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float, streamed: Callable[[str], bool]) -> None:
        self._app = app
        self._limit = limit
        self._seconds = seconds
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._streamed(scope["path"]):
            return await self._app(scope, receive, send)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limit:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(receive)
        except TimeoutError as error:
            raise TooSlow(f"The body must arrive within {self._seconds:g} s.") from error
        except ClientDisconnect:
            return
        scope[_BODY] = body
        await self._app(scope, replayed(body, receive), send)

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._limit:
                raise self._too_large()
            more = message.get("more_body", False)
        return bytes(body)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body can have at most {self._limit} bytes.", limit=self._limit)


def body_of(scope: Scope) -> bytes | None:
    """None where the application reads it bit by bit."""
    return cast(bytes | None, scope.get(_BODY))


def replayed(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, then what else comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
