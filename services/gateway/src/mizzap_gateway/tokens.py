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
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Caller:
    user_id: int
    expires_at: float
    """Unix time at which the token ends."""


class Tokens:
    """Verifies access tokens. A key id is only ever looked up among the auth service's own keys."""

    def __init__(self, ask_keys: Callable[[], Awaitable[accounts.Keys]], settings: GatewaySettings) -> None:
        self._ask_keys = ask_keys
        self._settings = settings
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
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
        subject = _SUBJECT.fullmatch(claims["sub"])
        if subject is None or int(subject[1]) >= 2**63:
            raise _invalid()
        return Caller(int(subject[1]), float(claims["exp"]))

    async def _key(self, key_id: object) -> jwt.PyJWK:
        if not isinstance(key_id, str):
            raise _invalid()
        if key_id not in self._keys or self._age() > self._settings.key_lifetime_seconds:
            await self._fetch(key_id)
        if key_id not in self._keys:
            raise _invalid()
        return self._keys[key_id]

    async def _fetch(self, key_id: str) -> None:
        async with self._fetching:
            if key_id in self._keys and self._age() <= self._settings.key_lifetime_seconds:
                return  # somebody fetched while we waited
            if self._keys and time.monotonic() - self._tried_at < self._settings.key_refetch_seconds:
                return  # made-up key ids must not become questions to the auth service
            self._tried_at = time.monotonic()
            try:
                found = await self._ask_keys()
            except Unavailable:
                if not self._keys:
                    raise
                log.warning("the signing keys could not be fetched again")
                return
            self._keys = {str(key["kid"]): jwt.PyJWK(key, _ALGORITHM) for key in found.keys}
            self._fetched_at = time.monotonic()

    def _age(self) -> float:
        return time.monotonic() - self._fetched_at


def _invalid() -> Unauthorized:
    return Unauthorized("The access token is not valid or has expired. Please log in again.", code="INVALID_TOKEN")
