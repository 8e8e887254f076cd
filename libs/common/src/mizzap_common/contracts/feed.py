"""The change feed: what became of a user's things since a cursor, as each service that owns such things answers it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from mizzap_common.contracts.library import UserRequest
from mizzap_common.contracts.message import Message


class ChangesRequest(UserRequest):
    after: int = Field(0, ge=0)
    """The last ``seq`` that the reader has; 0 is the beginning."""
    limit: int = Field(100, ge=1, le=500)


class Change(Message):
    seq: int
    kind: str
    id: int
    change: Literal["created", "changed", "deleted"]
    at: datetime
    data: dict[str, Any] | None
    """The thing as its GET shows it; None when it is deleted."""


class ChangesPage(Message):
    changes: list[Change]
    last: int
    """Where to go on: ``after`` of the next request."""
    more: bool
