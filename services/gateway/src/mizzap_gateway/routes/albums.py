"""Albums."""

from typing import Annotated

from fastapi import APIRouter, Query
from mizzap_common.contracts import library, requests
from mizzap_common.contracts.message import Request as Body
from pydantic import Field

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer, Gone, ListAnswer, pagination
from mizzap_gateway.parts import CallerHere, Id, PageQuery, PartsHere

router = APIRouter(prefix="/api/v1/albums", tags=["albums"])

_ERRORS = problems.responses(400, 401, 404, 503)


class CreateAlbumBody(Body):
    name: library.AlbumName
    description: str | None = Field(None, max_length=10_000)


class UpdateAlbumBody(Body):
    """A field that is left out stays as it is."""

    name: library.AlbumName | None = None
    description: str | None = Field(None, max_length=10_000)
    cover_photo_id: library.PhotoId | None = None


class AddToAlbumBody(Body):
    photo_ids: list[library.PhotoId] = Field(min_length=1, max_length=500)


@router.post("", status_code=201, responses=problems.responses(400, 401, 503))
async def create_album(body: CreateAlbumBody, caller: CallerHere, parts: PartsHere) -> Answer[library.Album]:
    """An empty album."""
    question = library.CreateAlbum(user_id=caller.user_id, **body.model_dump())
    return Answer(data=await parts.bus.ask(requests.ALBUMS_CREATE, question))


@router.get("", responses=problems.responses(400, 401, 503))
async def list_albums(
    query: Annotated[PageQuery, Query()], caller: CallerHere, parts: PartsHere
) -> ListAnswer[library.Album]:
    """The caller's albums."""
    question = library.ListAlbums(user_id=caller.user_id, **query.model_dump())
    page = await parts.bus.ask(requests.ALBUMS_LIST, question)
    return ListAnswer(data=page.albums, pagination=pagination(question, page.total))


@router.get("/{album_id}", responses=_ERRORS)
async def get_album(album_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[library.AlbumWithPhotos]:
    """An album with its photos' ids, in its order."""
    question = library.AlbumRequest(user_id=caller.user_id, album_id=album_id)
    return Answer(data=await parts.bus.ask(requests.ALBUMS_GET, question))


@router.put("/{album_id}", responses=_ERRORS)
async def update_album(
    album_id: Id, body: UpdateAlbumBody, caller: CallerHere, parts: PartsHere
) -> Answer[library.Album]:
    """Renames, describes, sets the cover."""
    question = library.UpdateAlbum(user_id=caller.user_id, album_id=album_id, **body.model_dump(exclude_unset=True))
    return Answer(data=await parts.bus.ask(requests.ALBUMS_UPDATE, question))


@router.delete("/{album_id}", responses=_ERRORS)
async def delete_album(album_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[Gone]:
    """Deletes the album; its photos stay."""
    await parts.bus.ask(requests.ALBUMS_DELETE, library.AlbumRequest(user_id=caller.user_id, album_id=album_id))
    return Answer(data=Gone(id=album_id))


@router.post("/{album_id}/photos", responses=_ERRORS)
async def add_to_album(
    album_id: Id, body: AddToAlbumBody, caller: CallerHere, parts: PartsHere
) -> Answer[library.Album]:
    """Adds photos at the end; those that are in it stay where they are."""
    question = library.AddToAlbum(user_id=caller.user_id, album_id=album_id, photo_ids=body.photo_ids)
    return Answer(
        data=library.Album.model_validate(await parts.bus.ask(requests.ALBUMS_ADD, question), from_attributes=True)
    )


@router.delete("/{album_id}/photos/{photo_id}", responses=_ERRORS)
async def remove_from_album(album_id: Id, photo_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[library.Album]:
    """Takes a photo out of the album; the photo itself stays."""
    question = library.RemoveFromAlbum(user_id=caller.user_id, album_id=album_id, photo_id=photo_id)
    return Answer(data=await parts.bus.ask(requests.ALBUMS_REMOVE, question))
