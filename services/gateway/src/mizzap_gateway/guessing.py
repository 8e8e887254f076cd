"""Slows down guessing: how often one account's password is tried, from wherever."""

import json

from mizzap_common import addresses
from starlette.types import ASGIApp, Receive, Scope, Send

from mizzap_gateway.bodies import body_of
from mizzap_gateway.budgets import Budgets, of_user
from mizzap_gateway.callers import known_caller
from mizzap_gateway.limits import Limiter

_AUTH = "/api/v1/auth/"
_OWN = {("POST", f"{_AUTH}password"), ("DELETE", f"{_AUTH}account")}
"""What asks whoever is logged in for the password once more: a stolen token must not be a way to find it."""


class GuessLimits:
    """Counts what is sent to the auth routes per e-mail address, or per user who is logged in.

    The address itself is hashed and never kept.
    """

    def __init__(self, app: ASGIApp, budgets: Budgets, limiter: Limiter) -> None:
        self._app = app
        self._limit = budgets.email
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (account := _account(scope)):
            taken = await self._limiter.take(self._limit, account)
            if taken.retry_after:
                raise taken.refusal()
        await self._app(scope, receive, send)


def _account(scope: Scope) -> str | None:
    """Whose password the request may be about."""
    if (scope["method"], scope["path"]) in _OWN:
        caller = known_caller(scope)
        return of_user(caller.user_id) if caller else None
    if scope["method"] != "POST" or not scope["path"].startswith(_AUTH):
        return None
    email = _email(body_of(scope) or b"")
    return f"email:{email}" if email else None


def _email(body: bytes) -> str | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None  # the route says what is wrong with it
    email = found.get("email") if isinstance(found, dict) else None
    return addresses.normalised(email) if isinstance(email, str) else None
