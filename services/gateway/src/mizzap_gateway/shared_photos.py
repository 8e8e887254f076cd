"""Photos as they are shown in an album, where they may be somebody else's."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from mizzap_common.bus import Bus
from mizzap_common.contracts import albums, library, requests
from mizzap_common.contracts.message import Message

_ASKED_AT_ONCE = 16


class OwnPhoto(library.Photo):
    """The caller's own photo, whole."""

    owner_id: int
    added_at: datetime


class SharedPhoto(Message):
    """Somebody else's photo. Where it was taken, its hashes, its duplicates and its score are its owner's alone."""

    id: int
    owner_id: int
    file_name: str
    file_size: int
    mime_type: str
    status: library.UploadStatus
    width: int | None
    height: int | None
    created_date: date | None
    taken_at: library.LocalTime | None
    camera_model: str | None
    thumbnail_url: str
    uploaded_at: datetime
    added_at: datetime


async def of_page(
    bus: Bus, caller_id: int, album_id: int, places: Sequence[albums.AlbumPhoto]
) -> list[OwnPhoto | SharedPhoto]:
    """The photos in the places' order, without those that are just being deleted or trashed."""
    by_owner: dict[int, list[int]] = defaultdict(list)
    for place in places:
        by_owner[place.owner_id].append(place.photo_id)
    at_once = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def of_owner(owner_id: int, photo_ids: list[int]) -> list[library.Photo]:
        async with at_once:
            question = library.PhotosRequest(user_id=owner_id, photo_ids=photo_ids)
            return (await bus.ask(requests.PHOTOS_MANY, question)).photos

    found = await asyncio.gather(*(of_owner(*asked) for asked in by_owner.items()))
    there = {photo.id: photo for photos in found for photo in photos}
    return [_as_seen(there[place.photo_id], caller_id, album_id, place) for place in places if place.photo_id in there]


def _as_seen(photo: library.Photo, caller_id: int, album_id: int, place: albums.AlbumPhoto) -> OwnPhoto | SharedPhoto:
    fields = {**photo.model_dump(), "owner_id": place.owner_id, "added_at": place.added_at}
    if place.owner_id == caller_id:
        return OwnPhoto(**fields)
    # the owner's own address of it is not the caller's
    fields["thumbnail_url"] = f"/api/v1/albums/{album_id}/photos/{photo.id}/thumbnail"
    return SharedPhoto(**fields)
