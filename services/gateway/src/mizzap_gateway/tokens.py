"""Who is calling: access tokens, checked against the auth service's public keys."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import jwt
import structlog
from mizzap_common.contracts import accounts
from mizzap_common.errors import Unauthorized, Unavailable

from mizzap_gateway.settings import GatewaySettings

_ALGORITHM = "RS256"
_LEEWAY_SECONDS = 10
"""How far the clocks of two of our machines may differ."""
_LONGEST = 4096
_SUBJECT = re.compile(r"user_([1-9][0-9]{0,18})")
_SESSION = re.compile(r"[1-9][0-9]{0,18}")
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti", "sid"]
_SILENCE_SECONDS = 1.0
"""How soon a silent auth service is asked for its keys again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Caller:
    user_id: int
    session_id: int
    expires_at: float
    """Unix time at which the token ends."""


class Tokens:
    """Verifies access tokens. A key id is only ever looked up among the auth service's own keys."""

    def __init__(self, ask_keys: Callable[[], Awaitable[accounts.Keys]], settings: GatewaySettings) -> None:
        self._ask_keys = ask_keys
        self._settings = settings
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._silent_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def verify(self, token: str) -> Caller:
        """Raises Unauthorized INVALID_TOKEN, and Unavailable while no keys can be had."""
        if len(token) > _LONGEST:
            raise _invalid()
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(header.get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                issuer=accounts.TOKEN_ISSUER,
                audience=accounts.TOKEN_AUDIENCE,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise _invalid() from error
        return Caller(_id(_SUBJECT, claims["sub"]), _id(_SESSION, claims["sid"]), float(claims["exp"]))

    async def _key(self, key_id: object) -> jwt.PyJWK:
        if not isinstance(key_id, str):
            raise _invalid()
        if self._outdated(key_id):
            await self._fetch(key_id)
        if key_id not in self._keys:
            raise _invalid()
        return self._keys[key_id]

    async def _fetch(self, key_id: str) -> None:
        async with self._fetching:
            if not self._outdated(key_id):
                return
            if self._keys and time.monotonic() - self._silent_at < _SILENCE_SECONDS:
                return self._do_without(key_id)
            try:
                found = await self._ask_keys()
            except Unavailable:
                self._silent_at = time.monotonic()
                log.warning("the signing keys could not be fetched")
                return self._do_without(key_id)
            self._keys = {str(key["kid"]): jwt.PyJWK(key, _ALGORITHM) for key in found.keys}
            self._fetched_at = time.monotonic()

    def _outdated(self, key_id: str) -> bool:
        """Whether there may be news of this key. Made-up key ids must not become questions to the auth service."""
        limit = self._settings.key_lifetime_seconds
        if key_id not in self._keys:
            limit = min(limit, self._settings.key_refetch_seconds)
        return self._age() > limit or not self._keys

    def _do_without(self, key_id: str) -> None:
        if key_id not in self._keys:
            # it may well be one that was published meanwhile: to refuse its tokens would log their users out
            raise Unavailable("Access tokens can't be checked right now. Please try again.")

    def _age(self) -> float:
        return time.monotonic() - self._fetched_at


def _id(pattern: re.Pattern[str], claim: object) -> int:
    """Raises Unauthorized INVALID_TOKEN."""
    found = pattern.fullmatch(claim) if isinstance(claim, str) else None
    if found is None or int(found[found.lastindex or 0]) >= 2**63:
        raise _invalid()
    return int(found[found.lastindex or 0])


def _invalid() -> Unauthorized:
    return Unauthorized("The access token is not valid or has expired. Please log in again.", code="INVALID_TOKEN")
