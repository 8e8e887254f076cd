"""Sharing albums with families."""

from fastapi import APIRouter, Response
from mizzap_common.contracts import albums, library, requests
from mizzap_common.contracts.message import Request as Body

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer, Gone
from mizzap_gateway.parts import CallerHere, Id, PartsHere

router = APIRouter(prefix="/api/v1/albums/{album_id}/shares", tags=["albums"])

_ERRORS = problems.responses(400, 401, 403, 404, 503)


class ShareBody(Body):
    family_id: library.PhotoId
    visibility: albums.ShareVisibility = "family"
    originals: bool = False
    """Whether members may download originals, which tell where they were taken."""


@router.post("", status_code=201, responses=_ERRORS)
async def share_album(
    album_id: Id, body: ShareBody, response: Response, caller: CallerHere, parts: PartsHere
) -> Answer[albums.Share]:
    """Shares the caller's album with a family of theirs. 200 when it was shared with it: then it is shared so now."""
    question = albums.ShareAlbum(user_id=caller.user_id, album_id=album_id, **body.model_dump())
    shared = await parts.bus.ask(requests.ALBUMS_SHARE, question)
    if not shared.created:
        response.status_code = 200
    return Answer(data=shared.share)


@router.get("", responses=_ERRORS)
async def list_album_shares(album_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[list[albums.Share]]:
    """The families with which the caller's album is shared."""
    question = albums.AlbumRequest(user_id=caller.user_id, album_id=album_id)
    return Answer(data=(await parts.bus.ask(requests.ALBUMS_SHARES, question)).shares)


@router.delete("/{family_id}", responses=_ERRORS)
async def unshare_album(album_id: Id, family_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[Gone]:
    """Ends the sharing. Members' photos leave the album with them."""
    question = albums.UnshareAlbum(user_id=caller.user_id, album_id=album_id, family_id=family_id)
    await parts.bus.ask(requests.ALBUMS_UNSHARE, question)
    return Answer(data=Gone(id=family_id))
