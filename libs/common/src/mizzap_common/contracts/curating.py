"""Requests and answers around the best moments."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from mizzap_common.contracts.library import PhotoId, UserRequest
from mizzap_common.contracts.message import Message


class Moment(Message):
    photo_id: int
    score: float
    reasons: list[str]
    pinned: bool
    """Put in by the user: stays when the set is made anew."""


class CuratedSet(Message):
    id: int | None
    """None while nothing has been scored yet."""
    status: Literal["suggested", "confirmed"]
    moments: list[Moment]
    """In the order to show them, at most 20."""
    photos: int
    """How many scored photos the set was chosen from."""
    up_to_date: bool
    """False while photos that came, went or were scored since have not been taken into account."""
    updated_at: datetime | None


class ChangeMoments(UserRequest):
    """Pins photos into the set, takes photos out for good, or gives the whole order anew."""

    add: list[PhotoId] = Field([], max_length=20)
    remove: list[PhotoId] = Field([], max_length=100)
    order: list[PhotoId] | None = Field(None, max_length=20)
