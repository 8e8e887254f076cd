"""An answer as it is kept: encrypted under a key derived from the Idempotency-Key and the request's body, neither of which
is stored. Who has not sent the request can't read what was answered, and a request with another body can't open it.
"""

import json
import secrets
import zlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SALT_BYTES, _NONCE_BYTES = 16, 12


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def to_bytes(self) -> bytes:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers]
        return zlib.compress(json.dumps([self.status, headers]).encode() + b"\n" + self.body)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Answer":
        head, _, body = zlib.decompress(data).partition(b"\n")
        status, headers = json.loads(head)
        return cls(status, [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers], body)


@dataclass(frozen=True)
class Seal:
    """What opens an answer: the key's text, the request's line and its body's SHA-256."""

    key: str
    request: bytes
    body_sha256: bytes

    def close(self, data: bytes) -> bytes:
        salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
        return salt + nonce + self._cipher(salt).encrypt(nonce, data, self.request)

    def open(self, sealed: bytes) -> bytes:
        """Raises InvalidTag when it was closed for another request."""
        salt, rest = sealed[:_SALT_BYTES], sealed[_SALT_BYTES:]
        return self._cipher(salt).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], self.request)

    def _cipher(self, salt: bytes) -> AESGCM:
        derive = HKDF(SHA256(), 32, salt, b"mizzap answers 1")
        return AESGCM(derive.derive(self.body_sha256 + self.key.encode()))
