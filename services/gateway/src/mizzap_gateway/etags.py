"""ETags for JSON: what a client has already is not sent again."""

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mizzap_gateway.budgets import PUBLIC

_LARGEST = 4 << 20
"""Answers beyond it go out as they are."""
_CACHE = "private, no-cache"
"""A browser may keep it for its user, and asks each time whether it still holds."""


class ETags:
    """Tags JSON answers to GET with the hash of their bytes, and honours If-None-Match (RFC 9110, 13.1.2).

    An answer with a tag of its own keeps that one; files and streams have theirs, and are left alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(PUBLIC):
            return await self._app(scope, receive, send)
        asked = Headers(scope=scope).get("if-none-match", "")
        await self._app(scope, receive, _Tagging(send, asked))


class _Tagging:
    """Holds a JSON answer back until it is whole, or too large to be."""

    def __init__(self, send: Send, asked: str) -> None:
        self._send = send
        self._asked = asked
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_json(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            more = message.get("more_body", False)
            if more and len(self._body) <= _LARGEST:
                return
            await self._flush(self._start, more)

    async def _flush(self, start: Message, more: bool) -> None:
        self._start = None
        body = bytes(self._body)
        if not more and len(body) <= _LARGEST:
            body = self._tag(start, body)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _tag(self, start: Message, body: bytes) -> bytes:
        """Puts the headers on, and gives what is left to send."""
        headers = MutableHeaders(scope=start)
        etag = headers.setdefault("ETag", f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        headers.setdefault("Cache-Control", _CACHE)
        headers.add_vary_header("Authorization")
        headers.add_vary_header("Cookie")
        if not matches(self._asked, etag):
            return body
        start["status"] = 304
        del headers["content-length"], headers["content-type"]
        return b""


def _is_json(start: Message) -> bool:
    content_type = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] == 200 and content_type.startswith("application/json")


def matches(if_none_match: str, etag: str) -> bool:
    """Whether the client has it: a list of tags or ``*``, compared weakly."""
    asked = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return bool(asked & {"*", etag.removeprefix("W/")})
