"""Requests and answers around what a user keeps: the trash, actions on many photos, favourites, the storage used."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mizzap_common.contracts.events import Tier
from mizzap_common.contracts.library import Page, Photo, PhotoId, PhotoRequest, Sha256, UserRequest
from mizzap_common.contracts.message import Message

MOST_AT_ONCE = 500
"""Photos that one action may name."""

TrashDays = Annotated[int, Field(ge=1, le=365)]
PhotoAction = Literal["delete", "restore", "favourite", "unfavourite", "delete_permanently"]


class DeletePhoto(PhotoRequest):
    permanent: bool = False
    """At once and for good, from the trash too; else into the trash."""


class SetFavourite(PhotoRequest):
    favourite: bool


class ListTrash(Page):
    pass


class TrashedPhoto(Photo):
    trashed_at: datetime
    deleted_after: datetime
    """From then on it may be deleted for good at any time."""


class TrashPage(Message):
    photos: list[TrashedPhoto]
    total: int


class BatchAction(UserRequest):
    action: PhotoAction
    photo_ids: list[PhotoId] = Field(min_length=1, max_length=MOST_AT_ONCE)


class ItemResult(Message):
    photo_id: int
    result: Literal["changed", "unchanged"]
    """``unchanged``: it was so before."""


class BatchResults(Message):
    results: list[ItemResult]
    """In the order asked, each photo once."""


class RoomRequest(UserRequest):
    sha256: Sha256
    """Of the file that is to come: what is stored already needs no room."""


class Room(Message):
    free_bytes: int | None
    """None: as much as the file needs."""


class KeepTrash(UserRequest):
    days: TrashDays


class Usage(Message):
    tier: Tier
    used_bytes: int
    """Of originals, each counted once however many photos share it; those in the trash included."""
    limit_bytes: int | None
    """None: no limit."""
    photos: int
    trash: int
    """Photos in the trash, not counted in ``photos``."""
    trash_days: float = 7
    """Days that a photo stays there before it is deleted for good."""
