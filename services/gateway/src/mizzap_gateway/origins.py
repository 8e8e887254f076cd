"""Which web pages may talk to us from a browser."""

import re
from urllib.parse import urlsplit

from mizzap_gateway.settings import GatewaySettings

LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
_LOCALHOST = re.compile(LOCALHOST)


class Origins:
    """The pages of ``cors_origins``, of this machine where that is allowed, and our own."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._listed = frozenset(settings.cors_origins)
        self._localhost = settings.cors_localhost

    def may_connect(self, origin: str | None, host: str) -> bool:
        """Whether a WebSocket may be opened from there: CORS doesn't hold for those, a page of any host could try.

        ``origin`` is None for what is no browser; ``host`` is the request's own, ports included.
        """
        if origin is None or origin in self._listed:
            return True
        if self._localhost and _LOCALHOST.fullmatch(origin):
            return True
        return urlsplit(origin).netloc.lower() == host.lower() != ""
