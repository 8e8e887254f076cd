"""Access tokens, signed with the service's key, the keys they are checked with, and refresh tokens, which only their holder knows."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.algorithms import RSAAlgorithm
from mizzap_common.contracts import accounts

_ALGORITHM = "RS256"
_SMALLEST_KEY_BITS = 2048


class BadKeyFile(Exception):
    """The signing key can't be used. The text is for the operator."""


class Signer:
    """Signs access tokens. Its key's id is the key's thumbprint (RFC 7638)."""

    def __init__(self, key: RSAPrivateKey, seconds: int) -> None:
        """``seconds`` is how long a token is good for."""
        self.seconds = seconds
        self._key = key
        self.public_key = _published(key.public_key())
        self.key_id: str = self.public_key["kid"]

    @classmethod
    def from_file(cls, path: Path, seconds: int) -> "Signer":
        """Raises BadKeyFile."""
        try:
            key = load_pem_private_key(_content(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise BadKeyFile(f"The signing key {path} is not a private key in PEM without a password.") from error
        if not isinstance(key, RSAPrivateKey) or key.key_size < _SMALLEST_KEY_BITS:
            raise BadKeyFile(f"The signing key {path} is not an RSA key of at least {_SMALLEST_KEY_BITS} bits.")
        return cls(key, seconds)

    def access_token(self, user_id: int, email: str, session_id: int) -> str:
        now = int(time.time())
        claims = {
            "sub": f"user_{user_id}",
            "sid": str(session_id),
            "email": email,
            "iat": now,
            "exp": now + self.seconds,
            "iss": accounts.TOKEN_ISSUER,
            "aud": accounts.TOKEN_AUDIENCE,
            "jti": str(uuid4()),
        }
        return jwt.encode(claims, self._key, _ALGORITHM, {"kid": self.key_id})


class PublishedKeys:
    """The keys whose tokens count: the one that signs, and during a rotation the one before or after it."""

    def __init__(self, keys: Sequence[dict[str, Any]]) -> None:
        # a file that is named twice is one key
        self._keys = {key["kid"]: key for key in keys}

    @classmethod
    def from_files(cls, signer: Signer, further: Sequence[Path]) -> "PublishedKeys":
        """Raises BadKeyFile."""
        return cls([signer.public_key, *(_published(_public_key(path)) for path in further)])

    @property
    def ids(self) -> list[str]:
        return list(self._keys)

    async def answer(self, _: accounts.KeysRequest) -> accounts.Keys:
        return accounts.Keys(keys=list(self._keys.values()))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadKeyFile(f"The signing key {path} can't be read: {error.strerror}.") from error


def _public_key(path: Path) -> RSAPublicKey:
    content = _content(path)
    try:
        if b"PRIVATE KEY" in content:
            key: object = load_pem_private_key(content, password=None).public_key()
        else:
            key = load_pem_public_key(content)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKeyFile(f"The key {path} is not a key in PEM without a password.") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < _SMALLEST_KEY_BITS:
        raise BadKeyFile(f"The key {path} is not an RSA key of at least {_SMALLEST_KEY_BITS} bits.")
    return key


def _published(key: RSAPublicKey) -> dict[str, Any]:
    public: dict[str, Any] = RSAAlgorithm.to_jwk(key, as_dict=True)
    members = {name: public[name] for name in ("e", "kty", "n")}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    key_id = _base64url(hashlib.sha256(canonical).digest())
    return {**members, "kid": key_id, "use": "sig", "alg": _ALGORITHM}


def new_refresh_token() -> str:
    return secrets.token_urlsafe(32)


def new_salt() -> bytes:
    return secrets.token_bytes(32)


def successor_of(refresh_token: str, salt: bytes) -> str:
    """The token that follows this one: always the same, and known to nobody who has only one of the two."""
    return _base64url(hmac.digest(salt, refresh_token.encode(), "sha256"))


def hash_of(refresh_token: str) -> str:
    return hashlib.sha256(refresh_token.encode()).hexdigest()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
