"""The change feed between the gateway and each service that has one."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from mizzap_common.contracts.message import Message, Request

Position = int
"""How far a reader has come in one service's feed; 0 is the beginning."""
Epoch = int
"""Which history of one service's feed a position is of: each restored backup begins another. 0 is the first."""


class ChangesRequest(Request):
    user_id: int
    after: Position = Field(0, ge=0, le=2**63 - 1)
    epoch: Epoch = Field(0, ge=0, le=2**63 - 1)
    limit: int = Field(100, ge=1, le=200)
    """A page must fit into one answer over the broker, 1 MiB."""


class Change(Message):
    seq: Position
    kind: str
    """What changed: photo, album, duplicate, moments or order."""
    id: int
    change: Literal["created", "changed", "deleted"]
    at: datetime
    data: dict[str, Any] | None
    """The thing as its own GET shows it now, which may be later than ``at``; None when it is gone."""


class ChangesPage(Message):
    changes: list[Change]
    """The oldest first, one a thing."""
    last: Position
    """Where to go on."""
    epoch: Epoch = 0
    more: bool
