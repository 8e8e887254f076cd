"""Finds out who is calling, once a request, before anything that depends on it."""

from fastapi.security.utils import get_authorization_scheme_param
from mizzap_common.errors import MizzapError, Unauthorized
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from mizzap_gateway import cookies
from mizzap_gateway.origins import Origins
from mizzap_gateway.sessions import SessionOver, Sessions
from mizzap_gateway.tokens import Caller, Tokens

_CALLER = "mizzap.caller"


class Identities:
    """Who a token stands for, while its session is alive. One token a request: of the header or of the cookie."""

    def __init__(self, tokens: Tokens, sessions: Sessions, origins: Origins) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._origins = origins

    async def of_request(self, request: HTTPConnection) -> Caller:
        """Raises Unauthorized, InvalidInput TWO_CREDENTIALS, Forbidden ORIGIN_REFUSED, Unavailable."""
        cookie = request.cookies.get(cookies.ACCESS)
        if cookie is not None:
            if "authorization" in request.headers:
                raise cookies.two_credentials()
            self._origins.check(request)
            return await self.of_token(cookie)
        scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("This needs an access token: Authorization: Bearer {token}.")
        return await self.of_token(token)

    async def of_token(self, token: str) -> Caller:
        """Raises Unauthorized, Unavailable."""
        caller = await self._tokens.verify(token)
        await self._sessions.check(caller)
        return caller


class Callers:
    """Notes a request's caller. That there is none is an error only where somebody asks for the caller."""

    def __init__(self, app: ASGIApp, identities: Identities) -> None:
        self._app = app
        self._identities = identities

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[_CALLER] = await self._identify(HTTPConnection(scope))
        await self._app(scope, receive, send)

    async def _identify(self, request: HTTPConnection) -> Caller | MizzapError:
        try:
            return await self._identities.of_request(request)
        except MizzapError as error:
            return error


def caller_of(scope: Scope) -> Caller:
    """Raises what ``Identities.of_request`` did."""
    found: Caller | MizzapError = scope[_CALLER]
    if isinstance(found, MizzapError):
        raise found
    return found


def known_caller(scope: Scope) -> Caller | None:
    """None for a request without a token that counts."""
    found = scope.get(_CALLER)
    return found if isinstance(found, Caller) else None


def last_caller(scope: Scope) -> Caller | None:
    """As ``known_caller``, and who called when the session was alive: that a token was theirs, no right to anything."""
    found = scope.get(_CALLER)
    return found.caller if isinstance(found, SessionOver) else known_caller(scope)
