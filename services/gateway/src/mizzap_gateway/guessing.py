"""Slows down guessing: how often one e-mail address is tried, from wherever."""

import json

from mizzap_common import addresses
from starlette.types import ASGIApp, Receive, Scope, Send

from mizzap_gateway.bodies import body_of
from mizzap_gateway.budgets import Budgets
from mizzap_gateway.limits import Limiter

_AUTH = "/api/v1/auth/"


class GuessLimits:
    """Counts per e-mail address what is sent to the auth routes. The address itself is hashed and never kept."""

    def __init__(self, app: ASGIApp, budgets: Budgets, limiter: Limiter) -> None:
        self._app = app
        self._limit = budgets.email
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(_AUTH):
            email = _email(body_of(scope) or b"")
            if email:
                taken = await self._limiter.take(self._limit, f"email:{email}")
                if taken.retry_after:
                    raise taken.refusal()
        await self._app(scope, receive, send)


def _email(body: bytes) -> str | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None  # the route says what is wrong with it
    email = found.get("email") if isinstance(found, dict) else None
    return addresses.normalised(email) if isinstance(email, str) else None
