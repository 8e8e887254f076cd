"""Which web pages may talk to us from a browser, and which of them with our cookies."""

import re
from urllib.parse import urlsplit

from mizzap_common.errors import Forbidden
from starlette.requests import HTTPConnection

from mizzap_gateway.settings import GatewaySettings

LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
_LOCALHOST = re.compile(LOCALHOST)
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_PORTS = {"http": 80, "https": 443}


class Origins:
    """Pages of the host that is called and those of ``cors_origins`` may act with our cookies.

    Pages of this machine, where ``cors_localhost`` allows it, may only act without.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._listed = {_authority(origin, with_scheme=True) for origin in settings.cors_origins}
        self._localhost = settings.cors_localhost

    def check(self, request: HTTPConnection) -> None:
        """Raises Forbidden ORIGIN_REFUSED, unless the request changes nothing."""
        if request.scope.get("method") not in _SAFE_METHODS:
            self.require(request)

    def require(self, request: HTTPConnection) -> None:
        """Raises Forbidden ORIGIN_REFUSED."""
        if not self._is_ours(request.headers.get("origin", ""), request.headers.get("host", "")):
            raise Forbidden("A page of another host can't do this with our cookies.", code="ORIGIN_REFUSED")

    def may_connect(self, origin: str | None, host: str) -> bool:
        """Whether a WebSocket may be opened from there: CORS doesn't hold for those, a page of any host could try.

        ``origin`` is None for what is no browser; ``host`` is the request's own, ports included.
        """
        if origin is None or (self._localhost and _LOCALHOST.fullmatch(origin)):
            return True
        return self._is_ours(origin, host)

    def _is_ours(self, origin: str, host: str) -> bool:
        authority = _authority(origin)
        if authority is None:
            return False
        if _authority(origin, with_scheme=True) in self._listed:
            return True
        # the scheme is left out: behind a proxy that ends TLS we don't see the one that the browser used
        return authority == _authority(f"{origin.partition('://')[0]}://{host}")


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
