"""Finds out who is calling, once a request, before anything that depends on it."""

from fastapi.security.utils import get_authorization_scheme_param
from mizzap_common.errors import MizzapError, Unauthorized
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mizzap_gateway.tokens import Caller, Tokens

_CALLER = "mizzap.caller"


class Callers:
    """Verifies a request's token. A bad one is an error only where somebody asks for the caller."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[_CALLER] = await self._identify(Headers(scope=scope))
        await self._app(scope, receive, send)

    async def _identify(self, headers: Headers) -> Caller | MizzapError:
        scheme, token = get_authorization_scheme_param(headers.get("authorization"))
        if scheme.lower() != "bearer" or not token:
            return Unauthorized("This needs an access token: Authorization: Bearer {token}.")
        try:
            return await self._tokens.verify(token)
        except MizzapError as error:
            return error


def caller_of(scope: Scope) -> Caller:
    """Raises Unauthorized, and Unavailable while no token can be verified."""
    found: Caller | MizzapError = scope[_CALLER]
    if isinstance(found, MizzapError):
        raise found
    return found


def known_caller(scope: Scope) -> Caller | None:
    """None for a request without a token that holds."""
    found = scope.get(_CALLER)
    return found if isinstance(found, Caller) else None
