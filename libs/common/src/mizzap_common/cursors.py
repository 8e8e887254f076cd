"""Cursors of lists: where a page ended, so that the next one begins there whatever was added or deleted meanwhile.

A cursor is sealed: what it holds is the last row's sort value, a file name perhaps, and cursors stand in addresses
that are logged on the way.
"""

import base64
import json
import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

from mizzap_common.errors import InvalidInput
from mizzap_common.sealed import KeyRing, SealBroken


class InvalidCursor(InvalidInput):
    default_code = "INVALID_CURSOR"

    def __init__(
        self,
        message: str = "This cursor is not one of this list's, with this order and these filters."
        " Please begin again without it.",
    ) -> None:
        super().__init__(message, field="cursor")


def _plausible(cursor: str) -> str:
    if not _FORM.fullmatch(cursor):
        raise InvalidCursor
    return cursor


_FORM = re.compile(r"[A-Za-z0-9_\-]{1,4096}")
Text = Annotated[str, AfterValidator(_plausible)]
"""A cursor as a parameter. What can't be one raises InvalidCursor at once, not an error of validation."""


def write(ring: KeyRing, position: Sequence[str | int | float | None], bound_to: str) -> str:
    """``bound_to`` says whose cursor it is and of which list, with order and filters: it is good for nothing else."""
    return _text(ring.seal(json.dumps(position, ensure_ascii=False), f"cursor/{bound_to}"))


def read(ring: KeyRing, cursor: str, bound_to: str) -> list[str | int | float | None]:
    """The position that ``write`` was given. Raises InvalidCursor for everything else than what ``write`` gave."""
    try:
        found: list[str | int | float | None] = json.loads(ring.open(_bytes(cursor), f"cursor/{bound_to}"))
    except (SealBroken, ValueError) as error:
        raise InvalidCursor from error
    return found


def write_open(positions: dict[str, int]) -> str:
    """A cursor that holds nothing to hide, and that stays good for ever: it depends on no key."""
    return _text(json.dumps(positions, separators=(",", ":"), sort_keys=True).encode())


def read_open(cursor: str) -> dict[str, int]:
    """Raises InvalidCursor."""
    try:
        found = json.loads(_bytes(cursor))
    except (ValueError, RecursionError) as error:
        raise InvalidCursor from error
    if not isinstance(found, dict) or not all(_is_position(value) for value in found.values()):
        raise InvalidCursor
    return found


def _is_position(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(cursor: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
