"""The key that auth signs its tokens with."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mizzap_devstack.files import write_atomic

# 128 bits of strength: NIST SP 800-57 part 1 rev. 5, table 2.
KEY_BITS = 3072


def ensure_signing_key(path: Path) -> None:
    """Make an RSA private key (PEM, PKCS #8, mode 0600) unless there is one."""
    if path.exists():
        return
    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_atomic(path, pem.decode(), mode=0o600)
