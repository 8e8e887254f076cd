"""Tokens as cookies, for browsers: out of reach of scripts, sent to nobody else, believed from our own pages only."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from mizzap_common.contracts import accounts
from mizzap_common.errors import Forbidden, InvalidInput
from starlette.requests import HTTPConnection
from starlette.responses import Response

# the prefix has browsers insist on Secure, Path=/ and no Domain: no other host can set or see these
ACCESS = "__Host-mizzap_access"
REFRESH = "__Host-mizzap_refresh"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_PORTS = {"http": 80, "https": 443}


def give(response: Response, session: accounts.Session) -> None:
    """Has the browser keep both tokens, each for as long as it is good for."""
    _set(response, ACCESS, session.access_token, session.expires_in)
    _set(response, REFRESH, session.refresh_token, session.refresh_expires_in)


def clear(response: Response) -> None:
    for name in (ACCESS, REFRESH):
        _set(response, name, "", 0)


def _set(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict")


def two_credentials() -> InvalidInput:
    return InvalidInput(
        "The request has a token and a cookie. Send one of them, so that it is clear who is calling.",
        code="TWO_CREDENTIALS",
    )


class Origins:
    """Whose pages may act with our cookies: those of the host that is called, and the listed ones."""

    def __init__(self, listed: Sequence[str]) -> None:
        self._listed = {_authority(origin, with_scheme=True) for origin in listed}

    def check(self, request: HTTPConnection) -> None:
        """Raises Forbidden ORIGIN_REFUSED, unless the request changes nothing."""
        if request.scope.get("method") not in _SAFE_METHODS:
            self.require(request)

    def require(self, request: HTTPConnection) -> None:
        """Raises Forbidden ORIGIN_REFUSED."""
        origin = request.headers.get("origin", "")
        if _authority(origin, with_scheme=True) in self._listed:
            return
        # the scheme is left out: behind a proxy that ends TLS we don't see the one that the browser used
        own = f"{origin.partition('://')[0]}://{request.headers.get('host', '')}"
        authority = _authority(origin)
        if authority is None or authority != _authority(own):
            raise Forbidden("A page of another host can't do this with our cookies.", code="ORIGIN_REFUSED")


def _authority(origin: str, with_scheme: bool = False) -> tuple[str, ...] | None:
    """Host and port, the scheme's own port where none is named; None for what is no web page's origin."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username is not None:
        return None
    return (parts.scheme, parts.hostname, str(port)) if with_scheme else (parts.hostname, str(port))
