"""The photos in an album, which may be several people's."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from mizzap_common.contracts import albums, library, requests
from mizzap_common.contracts.message import Request as Body
from mizzap_common.errors import Forbidden
from pydantic import Field

from mizzap_gateway import files, problems, renditions, shared_photos
from mizzap_gateway.answers import Answer, ListAnswer, pagination
from mizzap_gateway.conditions import IfMatch
from mizzap_gateway.parts import CallerHere, Id, PageQuery, PartsHere
from mizzap_gateway.shared_photos import OwnPhoto, SharedPhoto

router = APIRouter(prefix="/api/v1/albums/{album_id}", tags=["albums"])

_READS = problems.responses(400, 401, 404, 503)
_WRITES = problems.responses(400, 401, 403, 404, 503)
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has it"}}


class AddToAlbumBody(Body):
    photo_ids: list[library.PhotoId] = Field(min_length=1, max_length=500)


class RemoveFromAlbumBody(Body):
    photo_ids: list[library.PhotoId] = Field(min_length=1, max_length=500)


class OrderBody(albums.Order):
    """``moves`` for albums of any size, done one after the other; or ``photoIds``, all of a small album's."""


@router.get("/photos", responses=_READS)
async def list_album_photos(
    album_id: Id, query: Annotated[PageQuery, Query()], caller: CallerHere, parts: PartsHere
) -> ListAnswer[OwnPhoto | SharedPhoto]:
    """The album's photos in its order: the caller's own ones whole, others' without what is private to their owners."""
    question = albums.ListAlbumPhotos(user_id=caller.user_id, album_id=album_id, **query.model_dump())
    page = await parts.bus.ask(requests.ALBUMS_PHOTOS, question)
    photos = await shared_photos.of_page(parts.bus, caller.user_id, album_id, page.photos)
    asked = library.Page(user_id=caller.user_id, **query.model_dump())
    return ListAnswer(data=photos, pagination=pagination(asked, page.total))


@router.post("/photos", responses=problems.responses(400, 401, 403, 404, 503, ALBUM_FULL=409))
async def add_to_album(
    album_id: Id, body: AddToAlbumBody, caller: CallerHere, parts: PartsHere
) -> Answer[albums.Album]:
    """Adds photos of the caller's at the end; those that are in it stay where they are."""
    question = albums.AddToAlbum(user_id=caller.user_id, album_id=album_id, photo_ids=body.photo_ids)
    added = await parts.bus.ask(requests.ALBUMS_ADD, question)
    return Answer(data=albums.Album.model_validate(added, from_attributes=True))


@router.post("/photos/remove", responses=_WRITES)
async def remove_many_from_album(
    album_id: Id, body: RemoveFromAlbumBody, caller: CallerHere, parts: PartsHere
) -> Answer[albums.Album]:
    """Takes photos out of the album, those that are in it; the photos themselves stay."""
    question = albums.RemoveManyFromAlbum(user_id=caller.user_id, album_id=album_id, photo_ids=body.photo_ids)
    return Answer(data=await parts.bus.ask(requests.ALBUMS_REMOVE_MANY, question))


@router.delete("/photos/{photo_id}", responses=_WRITES)
async def remove_from_album(album_id: Id, photo_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[albums.Album]:
    """Takes a photo out of the album; the photo itself stays."""
    question = albums.RemoveFromAlbum(user_id=caller.user_id, album_id=album_id, photo_id=photo_id)
    return Answer(data=await parts.bus.ask(requests.ALBUMS_REMOVE, question))


@router.put("/order", responses=problems.responses(400, 401, 403, 404, 409, 503, VERSION_CONFLICT=412))
async def order_album(
    album_id: Id,
    body: OrderBody,
    response: Response,
    caller: CallerHere,
    parts: PartsHere,
    if_match: IfMatch = None,
) -> Answer[albums.Album]:
    """Moves photos, each right behind another one or to the front; or gives a small album a whole new order."""
    question = albums.OrderAlbum(
        user_id=caller.user_id, album_id=album_id, if_match=if_match, photo_ids=body.photo_ids, moves=body.moves
    )
    album = await parts.bus.ask(requests.ALBUMS_ORDER, question)
    response.headers["ETag"] = album.etag
    return Answer(data=album)


@router.get(
    "/photos/{photo_id}/thumbnail",
    response_class=Response,
    responses={**_READS, **_NOT_MODIFIED, 200: {"content": {"image/jpeg": _BINARY, "image/webp": _BINARY}}},
)
async def get_album_thumbnail(
    request: Request,
    album_id: Id,
    photo_id: Id,
    caller: CallerHere,
    parts: PartsHere,
    size: renditions.Size = "200",
) -> Response:
    """A smaller copy of a photo of the album. 404 with the code THUMBNAIL_NOT_READY while it isn't made yet."""
    question = albums.LocateAlbumPhoto(user_id=caller.user_id, album_id=album_id, photo_id=photo_id)
    located = await parts.bus.ask(requests.ALBUMS_LOCATE, question)
    return await renditions.send(request, parts, located.owner_id, photo_id, size)


@router.get(
    "/photos/{photo_id}/original",
    response_class=Response,
    responses={**_WRITES, **_NOT_MODIFIED, 200: {"content": {"image/*": _BINARY}}},
)
async def get_album_original(
    request: Request, album_id: Id, photo_id: Id, caller: CallerHere, parts: PartsHere
) -> Response:
    """The bytes of a photo of the album, as a download.

    Others than the photo's owner get them when the album is shared with its originals, else 403 with the code
    ORIGINALS_NOT_SHARED: an original tells where it was taken.
    """
    question = albums.LocateAlbumPhoto(user_id=caller.user_id, album_id=album_id, photo_id=photo_id)
    located = await parts.bus.ask(requests.ALBUMS_LOCATE, question)
    if not located.original:
        raise Forbidden("The originals of this album are not shared.", code="ORIGINALS_NOT_SHARED")
    wanted = library.PhotoRequest(user_id=located.owner_id, photo_id=photo_id)
    found = await parts.bus.ask(requests.PHOTOS_ORIGINAL, wanted)
    return await files.send(request, parts.storage, found)
