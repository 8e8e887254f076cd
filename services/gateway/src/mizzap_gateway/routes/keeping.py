"""What a user keeps: the trash, favourites, actions on many photos at once, the storage used."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from mizzap_common.contracts import albums, keeping, library, requests
from mizzap_common.contracts.message import Request as Body
from mizzap_common.errors import InvalidInput
from pydantic import Field

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer, ListAnswer, pagination
from mizzap_gateway.parts import CallerHere, Id, PageQuery, Parts, PartsHere
from mizzap_gateway.tokens import Caller

# before the router of /photos/{photo_id}, which would take these paths' names for ids
router = APIRouter(prefix="/api/v1/photos", tags=["photos"])


class FavouriteBody(Body):
    favourite: bool


class TrashBody(Body):
    days: keeping.TrashDays


class BatchBody(Body):
    """``albumId`` is the album of ``add_to_album``, and belongs to no other action."""

    action: keeping.PhotoAction | Literal["add_to_album"]
    photo_ids: list[library.PhotoId] = Field(min_length=1, max_length=keeping.MOST_AT_ONCE)
    album_id: library.PhotoId | None = None


@router.get("/trash", responses=problems.responses(400, 401, 503))
async def list_trash(
    query: Annotated[PageQuery, Query()], caller: CallerHere, parts: PartsHere
) -> ListAnswer[keeping.TrashedPhoto]:
    """Deleted photos that can still be restored, the last deleted first."""
    question = keeping.ListTrash(user_id=caller.user_id, **query.model_dump())
    page = await parts.bus.ask(requests.PHOTOS_TRASH, question)
    return ListAnswer(data=page.photos, pagination=pagination(question, page.total))


@router.put("/trash", responses=problems.responses(400, 401, 503))
async def keep_trash(body: TrashBody, caller: CallerHere, parts: PartsHere) -> Answer[keeping.Usage]:
    """How many days deleted photos stay, between 7 and what the caller's tier keeps. It holds for those there too."""
    question = keeping.KeepTrash(user_id=caller.user_id, days=body.days)
    return Answer(data=await parts.bus.ask(requests.PHOTOS_KEEP_TRASH, question))


@router.get("/usage", responses=problems.responses(401, 503))
async def get_usage(caller: CallerHere, parts: PartsHere) -> Answer[keeping.Usage]:
    """How much of the storage is used, and how much there is."""
    return Answer(data=await parts.bus.ask(requests.PHOTOS_USAGE, library.UserRequest(user_id=caller.user_id)))


@router.post("/batch-action", responses=problems.responses(400, 401, 403, 404, 503, ALBUM_FULL=409))
async def act_on_photos(body: BatchBody, caller: CallerHere, parts: PartsHere) -> Answer[keeping.BatchResults]:
    """The same action on up to 500 photos: on all of them or on none, with a result for each.

    404 names the photos that are not there; nothing has changed then. ``delete`` puts photos into the trash.
    403 says that the caller may only look at the album.
    """
    if (body.album_id is not None) != (body.action == "add_to_album"):
        raise InvalidInput("albumId: The action add_to_album needs it, and no other takes it.", field="albumId")
    if body.action == "add_to_album":
        return Answer(data=await _add_to_album(body, caller, parts))
    question = keeping.BatchAction(user_id=caller.user_id, action=body.action, photo_ids=body.photo_ids)
    return Answer(data=await parts.bus.ask(requests.PHOTOS_BATCH, question))


async def _add_to_album(body: BatchBody, caller: Caller, parts: Parts) -> keeping.BatchResults:
    assert body.album_id is not None
    question = albums.AddToAlbum(user_id=caller.user_id, album_id=body.album_id, photo_ids=body.photo_ids)
    added = set((await parts.bus.ask(requests.ALBUMS_ADD, question)).added)
    return keeping.BatchResults(
        results=[
            keeping.ItemResult(photo_id=photo_id, result="changed" if photo_id in added else "unchanged")
            for photo_id in dict.fromkeys(body.photo_ids)
        ]
    )


@router.post("/{photo_id}/restore", responses=problems.responses(400, 401, 404, 503))
async def restore_photo(photo_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[library.Photo]:
    """Takes a photo out of the trash, back into everything that it was in."""
    question = library.PhotoRequest(user_id=caller.user_id, photo_id=photo_id)
    return Answer(data=await parts.bus.ask(requests.PHOTOS_RESTORE, question))


@router.put("/{photo_id}/favourite", responses=problems.responses(400, 401, 404, 503))
async def set_favourite(
    photo_id: Id, body: FavouriteBody, caller: CallerHere, parts: PartsHere
) -> Answer[library.Photo]:
    """Marks a photo as a favourite, or no longer."""
    question = keeping.SetFavourite(user_id=caller.user_id, photo_id=photo_id, favourite=body.favourite)
    return Answer(data=await parts.bus.ask(requests.PHOTOS_FAVOURITE, question))
