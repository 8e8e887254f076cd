"""Which pages of other hosts may call, and which of them with cookies."""

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class Cors:
    """Listed origins may send cookies. Those that ``others`` matches may call too, but without."""

    def __init__(
        self,
        app: ASGIApp,
        listed: Sequence[str],
        others: str | None,
        allow_methods: Sequence[str],
        allow_headers: Sequence[str],
        expose_headers: Sequence[str],
        max_age: int,
    ) -> None:
        shared: dict[str, Any] = {
            "allow_methods": allow_methods,
            "allow_headers": allow_headers,
            "expose_headers": expose_headers,
            "max_age": max_age,
        }
        self._listed = set(listed)
        self._with_cookies = CORSMiddleware(app, allow_origins=listed, allow_credentials=True, **shared)
        self._without = CORSMiddleware(app, allow_origin_regex=others, **shared)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        answering = self._with_cookies if origin in self._listed else self._without
        await answering(scope, receive, send)
