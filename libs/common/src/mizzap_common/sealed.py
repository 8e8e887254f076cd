"""Sealed columns: addresses and places lie encrypted in the database, bound to the row and column they belong to."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class BadKeyRing(Exception):
    """The key ring can't be used. The text is for the operator."""


class SealBroken(Exception):
    """A sealed value was changed, belongs to another row or column, or its key is gone."""


class KeyRing:
    """AES-256-GCM under named keys: the current one seals, every one of them opens.

    ``place`` says where a value lies, as ``users/42/email``. It is authenticated with it (AEAD's associated data), so
    that a value copied to another row or column can't be opened there. One service has one ring.

    Of the index keys the first makes indexes, each of them finds and checks: there are several only while the key is
    changed.
    """

    def __init__(self, current: str, keys: Mapping[str, bytes], index_keys: Sequence[bytes]) -> None:
        self.current = current
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._index_keys = index_keys

    @classmethod
    def from_file(cls, path: Path) -> "KeyRing":
        """Reads ``{"current": ID, "keys": {ID: BASE64}, "index": BASE64}``, keys of 32 bytes; ``index`` may be a list.

        Raises BadKeyRing.
        """
        try:
            content = json.loads(path.read_text())
            keys = {str(key_id): _key(text) for key_id, text in content["keys"].items()}
            index, current = content["index"], str(content["current"])
            index_keys = [_key(text) for text in (index if isinstance(index, list) else [index])]
        except OSError as error:
            raise BadKeyRing(f"The key ring {path} can't be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadKeyRing(
                f'The key ring {path} is not {{"current": ID, "keys": {{ID: BASE64}}, "index": BASE64}} '
                f"with keys of {_KEY_BYTES} bytes."
            ) from error
        if not index_keys:
            raise BadKeyRing(f"The key ring {path} has no index key.")
        if current not in keys or any(not 0 < len(key_id.encode()) < 256 for key_id in keys):
            raise BadKeyRing(f"The key ring {path} has no key {current!r}, which it names as its current one.")
        return cls(current, keys, index_keys)

    def seal(self, text: str, place: str) -> bytes:
        key_id = self.current.encode()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = _VERSION + bytes([len(key_id)]) + key_id
        return head + nonce + self._ciphers[self.current].encrypt(nonce, text.encode(), head + place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Raises SealBroken."""
        head, rest = _split(sealed)
        cipher = self._ciphers.get(_key_id(head))
        if cipher is None:
            raise SealBroken(f"There is no key {_key_id(head)!r} to open {place} with.")
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"The value at {place} can't be opened.") from error

    def is_current(self, sealed: bytes) -> bool:
        """Whether the value is sealed with the current key; a rotation seals the others anew."""
        return _key_id(_split(sealed)[0]) == self.current

    @property
    def changes_index(self) -> bool:
        """Whether the index key is being changed."""
        return len(self._index_keys) > 1

    def index(self, text: str, purpose: str) -> bytes:
        """A blind index (HMAC-SHA256): equal for equal texts, and telling nothing without the ring's index key.

        ``purpose`` keeps indexes of different columns, or of different owners, from being compared with each other.
        """
        return self.indexes(text, purpose)[0]

    def indexes(self, text: str, purpose: str) -> list[bytes]:
        """What to look for: the index by each of the ring's keys, that of ``index`` first."""
        said = f"{purpose}\0{text}".encode()
        return [hmac.digest(key, said, hashlib.sha256) for key in self._index_keys]

    def is_index(self, given: bytes, text: str, purpose: str) -> bool:
        """Whether one of the ring's keys made it of this text. Its time tells nothing."""
        return any([hmac.compare_digest(given, index) for index in self.indexes(text, purpose)])


def new_key_ring(key_id: str) -> str:
    """The text of a fresh ring's file."""
    key, index_key = (base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode() for _ in range(2))
    return json.dumps({"current": key_id, "keys": {key_id: key}, "index": index_key}, indent=2) + "\n"


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != _KEY_BYTES:
        raise ValueError("a key of another length")
    return key


def _split(sealed: bytes) -> tuple[bytes, bytes]:
    if len(sealed) < 2 or sealed[:1] != _VERSION:
        raise SealBroken("The value is not sealed.")
    end = 2 + sealed[1]
    return sealed[:end], sealed[end:]


def _key_id(head: bytes) -> str:
    return head[2:].decode(errors="replace")
