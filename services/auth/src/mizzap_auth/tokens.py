"""Access tokens, signed with the service's key, and refresh tokens, which only their holder knows."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
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
        public: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        members = {name: public[name] for name in ("e", "kty", "n")}
        canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
        self.key_id = _base64url(hashlib.sha256(canonical).digest())
        self.public_key = {**members, "kid": self.key_id, "use": "sig", "alg": _ALGORITHM}

    @classmethod
    def from_file(cls, path: Path, seconds: int) -> "Signer":
        """Raises BadKeyFile."""
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise BadKeyFile(f"The signing key {path} can't be read: {error.strerror}.") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise BadKeyFile(f"The signing key {path} is not a private key in PEM without a password.") from error
        if not isinstance(key, RSAPrivateKey) or key.key_size < _SMALLEST_KEY_BITS:
            raise BadKeyFile(f"The signing key {path} is not an RSA key of at least {_SMALLEST_KEY_BITS} bits.")
        return cls(key, seconds)

    def access_token(self, user_id: int, email: str) -> str:
        now = int(time.time())
        claims = {
            "sub": f"user_{user_id}",
            "email": email,
            "iat": now,
            "exp": now + self.seconds,
            "iss": accounts.TOKEN_ISSUER,
            "aud": accounts.TOKEN_AUDIENCE,
            "jti": str(uuid4()),
        }
        return jwt.encode(claims, self._key, _ALGORITHM, {"kid": self.key_id})


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
