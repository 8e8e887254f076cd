"""What holds for every answer and every body."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}


class SecurityHeaders:
    """No answer is sniffed, framed or run, and none is cached unless it says so itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Refuses bodies larger than ``limit`` bytes, but on ``streamed``, which reads its own bit by bit.

    Starlette's own limiter answers in plain text, whatever the application's error shape is.
    """

    def __init__(self, app: ASGIApp, limit: int, streamed: str) -> None:
        self._app = app
        self._limit = limit
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == self._streamed:
            return await self._app(scope, receive, send)
        announced = Headers(scope=scope).get("content-length", "")
        arrived = 0

        async def receive_limited() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self._limit or (announced.isdecimal() and int(announced) > self._limit):
                raise HTTPException(413, f"The body can have at most {self._limit} bytes.")
            return message

        await self._app(scope, receive_limited, send)
