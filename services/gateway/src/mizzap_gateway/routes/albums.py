"""Albums."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from mizzap_common.contracts import albums, library, requests
from mizzap_common.contracts.message import Request as Body

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer, Gone, ListAnswer, pagination
from mizzap_gateway.conditions import IfMatch
from mizzap_gateway.parts import CallerHere, Id, PageQuery, PartsHere

router = APIRouter(prefix="/api/v1/albums", tags=["albums"])

_CHANGES = problems.responses(400, 401, 403, 404, 503, VERSION_CONFLICT=412, COVER_NOT_IN_ALBUM=400)


class AlbumsQuery(PageQuery):
    shared: bool | None = None
    """Only those that others see too, the caller's and theirs; or only those that nobody else sees."""


class CreateAlbumBody(Body):
    name: albums.AlbumName
    description: albums.AlbumDescription | None = None


class UpdateAlbumBody(Body):
    """A field that is left out stays as it is. With ``coverPhotoId: null`` the first photo is the cover again."""

    name: albums.AlbumName | None = None
    description: albums.AlbumDescription | None = None
    cover_photo_id: library.PhotoId | None = None


@router.post("", status_code=201, responses=problems.responses(400, 401, 503))
async def create_album(body: CreateAlbumBody, caller: CallerHere, parts: PartsHere) -> Answer[albums.Album]:
    """An empty album."""
    question = albums.CreateAlbum(user_id=caller.user_id, **body.model_dump())
    return Answer(data=await parts.bus.ask(requests.ALBUMS_CREATE, question))


@router.get("", responses=problems.responses(400, 401, 503))
async def list_albums(
    query: Annotated[AlbumsQuery, Query()], caller: CallerHere, parts: PartsHere
) -> ListAnswer[albums.Album]:
    """The caller's albums and those that families share with the caller; ``role`` says what the caller is in each."""
    question = albums.ListAlbums(user_id=caller.user_id, **query.model_dump())
    page = await parts.answers.ask(requests.ALBUMS_LIST, question)
    return ListAnswer(data=page.albums, pagination=pagination(question, page.total))


@router.get("/{album_id}", responses=problems.responses(400, 401, 404, 503))
async def get_album(
    album_id: Id, response: Response, caller: CallerHere, parts: PartsHere
) -> Answer[albums.AlbumWithPhotos]:
    """An album with its photos' ids, in its order."""
    question = albums.AlbumRequest(user_id=caller.user_id, album_id=album_id)
    album = await parts.answers.ask(requests.ALBUMS_GET, question)
    response.headers["ETag"] = album.etag
    return Answer(data=album)


@router.put("/{album_id}", responses=_CHANGES)
async def update_album(
    album_id: Id,
    body: UpdateAlbumBody,
    response: Response,
    caller: CallerHere,
    parts: PartsHere,
    if_match: IfMatch = None,
) -> Answer[albums.Album]:
    """Renames, describes, sets the cover or leaves it to the first photo."""
    question = albums.UpdateAlbum(
        user_id=caller.user_id,
        album_id=album_id,
        **body.model_dump(exclude_unset=True),
        clear_cover="cover_photo_id" in body.model_fields_set and body.cover_photo_id is None,
        if_match=if_match,
    )
    album = await parts.bus.ask(requests.ALBUMS_UPDATE, question)
    response.headers["ETag"] = album.etag
    return Answer(data=album)


@router.delete("/{album_id}", responses=_CHANGES)
async def delete_album(album_id: Id, caller: CallerHere, parts: PartsHere, if_match: IfMatch = None) -> Answer[Gone]:
    """Deletes the album; its photos stay."""
    question = albums.DeleteAlbum(user_id=caller.user_id, album_id=album_id, if_match=if_match)
    await parts.bus.ask(requests.ALBUMS_DELETE, question)
    return Answer(data=Gone(id=album_id))
