"""The keys of one stack, made at its first start: the one that auth signs tokens with, and a key ring a service."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mizzap_common.sealed import new_key_ring

from mizzap_devstack.files import create_folder, write_atomic

# 128 bits of strength: NIST SP 800-57 part 1 rev. 5, table 2.
KEY_BITS = 3072
FIRST_KEY_ID = "1"


class Keys:
    """Where the keys of the stack on `data` lie."""

    def __init__(self, data: Path) -> None:
        self._data = data

    @property
    def signing_key(self) -> Path:
        return self._data / "signing-key.pem"

    def ring(self, service: str) -> Path:
        """Each service has a ring of its own: nobody else opens what it sealed."""
        return self._data / "key-rings" / f"{service}.json"

    def ensure(self, services: Iterable[str]) -> None:
        """Make what is missing, mode 0600."""
        if not self.signing_key.exists():
            write_atomic(self.signing_key, _private_key(), mode=0o600)
        create_folder(self._data / "key-rings")
        for service in services:
            if not self.ring(service).exists():
                write_atomic(self.ring(service), new_key_ring(FIRST_KEY_ID), mode=0o600)


def _private_key() -> str:
    """An RSA private key (PEM, PKCS #8)."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
