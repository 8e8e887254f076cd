"""The library: upload, look, delete."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from mizzap_common import cursors
from mizzap_common.contracts import albums, keeping, library, requests
from mizzap_common.contracts.message import Message
from mizzap_common.contracts.message import Request as Body
from pydantic import Field

from mizzap_gateway import files, problems, renditions
from mizzap_gateway.answers import Answer, CursorListAnswer, Gone, cursor_pagination
from mizzap_gateway.parts import CallerHere, Id, PageQuery, Parts, PartsHere
from mizzap_gateway.tokens import Caller
from mizzap_gateway.uploads import UploadResult

router = APIRouter(prefix="/api/v1/photos", tags=["photos"])

_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "sha256": {
                            "type": "array",
                            "items": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
                            "description": "SHA-256 of the file that follows it in the form",
                        },
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                    "required": ["files"],
                }
            }
        },
    }
}


class PhotosQuery(PageQuery, library.PhotoFilters):
    sort_by: library.SortField = "createdDate"
    sort_order: Literal["asc", "desc"] = "desc"
    cursor: cursors.Text | None = None
    """The `nextCursor` of the page before, with the same order and filters; then `page` means nothing."""


class PrecheckBody(Body):
    sha256: list[library.Sha256] = Field(max_length=1000)


class AdoptBody(Body):
    file_name: library.FileName
    sha256: library.Sha256


class Adopted(Message):
    photo: library.Photo
    created: bool


@router.post(
    "/upload",
    status_code=201,
    openapi_extra=_FORM,
    responses=problems.responses(
        400,
        401,
        413,
        415,
        503,
        UPLOAD_AGAIN=409,
        QUOTA_EXCEEDED=413,
        FILE_EMPTY=422,
        HASH_MISMATCH=422,
        UPLOADS_BUSY=503,
    ),
)
async def upload_photos(request: Request, caller: CallerHere, parts: PartsHere) -> Answer[list[UploadResult]]:
    """Takes any number of photos; what becomes of each is said one by one, in order.

    Every part with a file name is a photo. A field ``sha256`` in front of it names the hash that its bytes must have.
    201 when at least one is stored or was known; else the first one's error, with all results in ``details.files``.
    """
    content_type = request.headers.get("content-type", "")
    return Answer(data=await parts.uploads.take(caller.user_id, content_type, request.stream()))


@router.post("/precheck", responses=problems.responses(400, 401, 503))
async def precheck_photos(body: PrecheckBody, caller: CallerHere, parts: PartsHere) -> Answer[library.KnownHashes]:
    """Which of these hashes are stored already, so that nothing is sent twice."""
    question = library.Precheck(user_id=caller.user_id, sha256=body.sha256, after=0)
    known: dict[str, library.KnownHash] = {}
    while True:
        page = await parts.bus.ask(requests.PHOTOS_PRECHECK, question)
        for found in page.known:
            if (begun := known.setdefault(found.sha256, found)) is not found:
                begun.photo_ids.extend(found.photo_ids)
                begun.file_names.extend(found.file_names)
        if page.next is None:
            return Answer(data=library.KnownHashes(known=list(known.values())))
        question = question.model_copy(update={"after": page.next})


@router.post("/adopt", status_code=201, responses=problems.responses(400, 401, 503, HASH_UNKNOWN=404))
async def adopt_photo(body: AdoptBody, response: Response, caller: CallerHere, parts: PartsHere) -> Answer[Adopted]:
    """A further photo of bytes that are stored already. 200 when it was there under this name."""
    question = library.AdoptPhoto(user_id=caller.user_id, file_name=body.file_name, sha256=body.sha256)
    adopted = await parts.bus.ask(requests.PHOTOS_ADOPT, question)
    if not adopted.created:
        response.status_code = 200
    return Answer(data=Adopted(photo=adopted.photo, created=adopted.created))


@router.get("", responses=problems.responses(400, 401, 404, 503))
async def list_photos(
    query: Annotated[PhotosQuery, Query()], caller: CallerHere, parts: PartsHere
) -> CursorListAnswer[library.Photo]:
    """The caller's photos: filtered, searched, in any order.

    What has no value to sort by comes last. With `page` the answer counts what there is; with `cursor` it does not,
    and costs the same however deep it lies: begin without, then go on by `pagination.nextCursor` until it is null.
    """
    question = library.ListPhotos(
        user_id=caller.user_id, **query.model_dump(), album_photo_ids=await _in_album(query.album_id, caller, parts)
    )
    page = await parts.answers.ask(requests.PHOTOS_LIST, question)
    found = cursor_pagination(question, page.total, page.next_cursor, by_cursor=query.cursor is not None)
    return CursorListAnswer(data=page.photos, pagination=found)


async def _in_album(album_id: int | None, caller: Caller, parts: Parts) -> list[int] | None:
    """The album's photos. Raises NotFound, as albums does, for one that the caller may not see."""
    if album_id is None:
        return None
    question = albums.AlbumRequest(user_id=caller.user_id, album_id=album_id)
    return (await parts.answers.ask(requests.ALBUMS_GET, question)).photo_ids


@router.get("/{photo_id}", responses=problems.responses(400, 401, 404, 503))
async def get_photo(photo_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[library.Photo]:
    """One photo."""
    question = library.PhotoRequest(user_id=caller.user_id, photo_id=photo_id)
    return Answer(data=await parts.answers.ask(requests.PHOTOS_GET, question))


@router.delete("/{photo_id}", responses=problems.responses(400, 401, 404, 503))
async def delete_photo(photo_id: Id, caller: CallerHere, parts: PartsHere, permanent: bool = False) -> Answer[Gone]:
    """Puts a photo into the trash; ``permanent`` deletes it at once, from the trash too, with everything made of it."""
    question = keeping.DeletePhoto(user_id=caller.user_id, photo_id=photo_id, permanent=permanent)
    await parts.bus.ask(requests.PHOTOS_DELETE, question)
    return Answer(data=Gone(id=photo_id))


@router.get(
    "/{photo_id}/thumbnail",
    response_class=Response,
    responses={
        **problems.responses(400, 401, 503, THUMBNAIL_NOT_READY=404),
        200: {"content": {"image/jpeg": _BINARY, "image/webp": _BINARY}},
        304: {"description": "The client has it"},
    },
)
async def get_thumbnail(
    request: Request,
    photo_id: Id,
    caller: CallerHere,
    parts: PartsHere,
    size: renditions.Size = "200",
) -> Response:
    """A smaller copy. 404 with the code THUMBNAIL_NOT_READY while it isn't made yet."""
    return await renditions.send(request, parts, caller.user_id, photo_id, size, files.AN_HOUR)


@router.get(
    "/{photo_id}/original",
    response_class=Response,
    responses={
        **problems.responses(400, 401, 404, 503),
        200: {"content": {"image/*": _BINARY}},
        304: {"description": "The client has it"},
    },
)
async def get_original(request: Request, photo_id: Id, caller: CallerHere, parts: PartsHere) -> Response:
    """The photo's bytes as they were uploaded, as a download."""
    question = library.PhotoRequest(user_id=caller.user_id, photo_id=photo_id)
    found = await parts.bus.ask(requests.PHOTOS_ORIGINAL, question)
    return await files.send(request, parts.storage, found)
