"""Files that survive a crash half-way through writing, and passwords that only their owner can read."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any, cast

from mizzap_devstack.errors import StackError


def write_atomic(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace `path` as a whole: a reader sees the old text or the new one, never half of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; an absent file is an empty object. Raises StackError when it is not JSON."""
    try:
        return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StackError(f"{path} can't be read: {error.strerror}; was the stack started as another user?") from error
    except json.JSONDecodeError as error:
        raise StackError(
            f"{path} is damaged ({error}): remove it, or the whole data folder, and start again."
        ) from error


def create_folder(path: Path) -> Path:
    """Make `path` (0700: databases and photos are nobody else's) and hand it back.

    Raises:
        StackError: the folder can't be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StackError(f"The folder {path} can't be made: {error.strerror}.") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StackError(f"The folder {path} can't be written by this user; choose another one with --data.")
    return path


class Passwords:
    """Random passwords, made at first use and kept in `<data>/secrets.json` (mode 0600)."""

    def __init__(self, data: Path) -> None:
        self._path = data / "secrets.json"
        self._known: dict[str, str] = read_json(self._path)

    def get(self, name: str) -> str:
        """The password called `name`: 32 letters and digits, safe in URLs and in SQL."""
        if name not in self._known:
            self._known[name] = secrets.token_hex(16)
            write_atomic(self._path, json.dumps(self._known, indent=2), mode=0o600)
        return self._known[name]
