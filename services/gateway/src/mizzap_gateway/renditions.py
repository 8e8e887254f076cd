"""Thumbnails as answers."""

import asyncio
from typing import Literal

from mizzap_common.contracts import library, requests
from mizzap_common.errors import NotFound
from starlette.requests import Request
from starlette.responses import Response

from mizzap_gateway import files
from mizzap_gateway.parts import Parts

Size = Literal["200", "400", "1200", "thumbnail", "preview", "web"]

_SIDES: dict[str, Literal[200, 400, 1200]] = {
    "200": 200, "400": 400, "1200": 1200, "thumbnail": 200, "preview": 400, "web": 1200,
}  # fmt: skip


async def send(
    request: Request, parts: Parts, owner_id: int, photo_id: int, size: Size, cache: str = files.ASK_EACH_TIME
) -> Response:
    """A smaller copy of the owner's photo. Raises NotFound THUMBNAIL_NOT_READY while it isn't made yet."""
    # thumbs doesn't know of the trash; the photos service also answers for a photo that is not there, or not the owner's
    photo, found = await asyncio.gather(
        parts.answers.ask(requests.PHOTOS_GET, library.PhotoRequest(user_id=owner_id, photo_id=photo_id)),
        _rendition(parts, library.LocateRendition(user_id=owner_id, photo_id=photo_id, side=_SIDES[size])),
    )
    if found is None:
        message = "This photo has no such thumbnail yet."
        raise NotFound(message, code="THUMBNAIL_NOT_READY", status=photo.status)
    return await files.send(request, parts.storage, found, cache)


async def _rendition(parts: Parts, question: library.LocateRendition) -> library.StoredObject | None:
    try:
        return await parts.answers.ask(requests.THUMBS_LOCATE, question)
    except NotFound:
        return None
