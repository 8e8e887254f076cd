"""The change feed of a service: what became of a user's things since a position in it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from mizzap_common.contracts.library import UserRequest
from mizzap_common.contracts.message import Message


class ChangesRequest(UserRequest):
    after: int = Field(0, ge=0, le=2**63 - 1)
    """Position in this service's feed; 0 is the beginning."""
    limit: int = Field(100, ge=1, le=500)


class Change(Message):
    seq: int
    kind: str
    id: int
    change: Literal["created", "changed", "deleted"]
    at: datetime
    data: dict[str, Any] | None
    """The thing as the REST API shows it; None for what is gone."""


class ChangesPage(Message):
    changes: list[Change]
    last: int
    """The position to go on from."""
    more: bool
