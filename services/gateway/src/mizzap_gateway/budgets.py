"""What may be asked how often: which budget a request counts to, and how large that is."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from starlette.types import Scope

from mizzap_gateway.callers import known_caller
from mizzap_gateway.settings import GatewaySettings

Unit = Literal["requests", "content-bytes"]
_MINUTE, _HOUR = 60, 3600
_UPLOADS = re.compile(r"/api/v1/photos/(upload|precheck|adopt)")
_FILES = re.compile(
    r"/api/v1/(photos/[^/]+/(thumbnail|original)|albums/[^/]+/photos/[^/]+/(thumbnail|original)|exports/[^/]+/download)"
)
_SHARED_FILES = re.compile(r"/api/v1/integrations/files/[^/]+")
_AUTH = "/api/v1/auth/"
_REGISTER = "/api/v1/auth/register"
_SECRETS = re.compile(r"/api/v1/auth/(login|refresh|password|account)")
"""Where a password or a refresh token can be tried."""
PUBLIC = ("/api/", "/.well-known/")
"""What the paths of the interface begin with; all others are the operators'."""


@dataclass(frozen=True)
class Limit:
    """So many units in so many seconds."""

    name: str
    quota: int
    window: int = _MINUTE
    unit: Unit = "requests"


@dataclass(frozen=True)
class Budget:
    requests: Limit
    sent: Limit | None = None
    """Of the bytes that clients send."""
    received: Limit | None = None
    """Of the bytes that they get."""


class Budgets:
    """The settings' limits, and which of them holds for a request."""

    def __init__(self, settings: GatewaySettings) -> None:
        def limit(name: str, quota: int, window: int = _MINUTE, unit: Unit = "requests") -> Limit:
            return Limit(name, max(1, int(quota * settings.limits_factor)), window, unit)

        self.api = Budget(limit("api", settings.api_per_minute))
        self.files = Budget(
            limit("thumbnails", settings.thumbnails_per_minute),
            received=limit("thumbnail-bytes", settings.thumbnail_bytes_per_hour, _HOUR, "content-bytes"),
        )
        self.shared_files = Budget(
            limit("shared-files", settings.shared_files_per_minute),
            received=limit("shared-file-bytes", settings.shared_file_bytes_per_hour, _HOUR, "content-bytes"),
        )
        self.uploads = Budget(
            limit("uploads", settings.uploads_per_minute),
            sent=limit("upload-bytes", settings.upload_bytes_per_hour, _HOUR, "content-bytes"),
        )
        self.handshakes = Budget(limit("handshakes", settings.handshakes_per_minute))
        self.auth = Budget(limit("auth", settings.auth_per_minute))
        self.registrations = Budget(limit("registrations", settings.registrations_per_minute))
        self.anonymous = Budget(limit("anonymous", settings.anonymous_per_minute))
        self.kept_answers = limit("kept-answers", settings.kept_answer_bytes_per_hour, _HOUR, "content-bytes")
        self.email = limit("auth-email", settings.auth_per_email_per_minute)

    def of(self, scope: Scope) -> tuple[Budget, str] | None:
        """A request's budget, and whose it is; None for what is not limited, as the operators' addresses."""
        if scope["type"] == "websocket":
            # whose it will be is not known yet: its ticket or token is looked at once it has been let in
            return self.handshakes, f"address:{network(scope)}"
        if scope["type"] != "http" or not scope["path"].startswith(PUBLIC):
            return None
        path = scope["path"]
        if path == _REGISTER:
            # by address even with a token: an account must not be a way to try more e-mail addresses
            return self.registrations, f"address:{network(scope)}"
        if _SECRETS.fullmatch(path):
            # by address too: a guesser with an account would have the larger budget of a user, once an account
            return self.auth, f"address:{network(scope)}"
        if _SHARED_FILES.fullmatch(path):
            # a partner has no account: it comes with the links of an order, hundreds at once
            return self.shared_files, f"address:{network(scope)}"
        caller = known_caller(scope)
        if caller is None:
            # a guesser has no account of its own: counted by where it comes from
            return (self.auth if path.startswith(_AUTH) else self.anonymous), f"address:{network(scope)}"
        if _UPLOADS.fullmatch(path):
            budget = self.uploads
        elif _FILES.fullmatch(path):
            budget = self.files
        else:
            budget = self.api
        return budget, of_user(caller.user_id)


def owner(scope: Scope) -> str:
    """Whose budget a request takes from: its user's, or that of the address it comes from."""
    caller = known_caller(scope)
    return f"address:{network(scope)}" if caller is None else of_user(caller.user_id)


def of_user(user_id: int) -> str:
    return f"user:{user_id}"


def network(scope: Scope) -> str:
    """The client's address; of IPv6 the /64, which is the least that a household gets."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)
