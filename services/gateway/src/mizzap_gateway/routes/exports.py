"""Exports: everything of a user in one file, to keep or to take elsewhere."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from mizzap_common.contracts import exporting, library, requests

from mizzap_gateway import problems, ranges
from mizzap_gateway.answers import Answer, Gone
from mizzap_gateway.parts import CallerHere, Id, PartsHere

router = APIRouter(prefix="/api/v1/exports", tags=["exports"])

_ZIP: dict[str, Any] = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
_ERRORS = problems.responses(400, 401, 404, 503)


@router.post("", status_code=202, responses=problems.responses(401, 404, 503))
async def begin_export(caller: CallerHere, parts: PartsHere) -> Answer[exporting.Export]:
    """Has an export built. While one is under way, that one is the answer: there is one at a time.

    Once it is ready, the earlier ones are removed.
    """
    question = library.UserRequest(user_id=caller.user_id)
    return Answer(data=await parts.bus.ask(requests.AUTH_EXPORT_BEGIN, question))


@router.get("", responses=problems.responses(401, 503))
async def list_exports(caller: CallerHere, parts: PartsHere) -> Answer[list[exporting.Export]]:
    """The caller's exports, the newest first, 100 at most."""
    found = await parts.bus.ask(requests.AUTH_EXPORTS, library.UserRequest(user_id=caller.user_id))
    return Answer(data=found.exports)


@router.get("/{export_id}", responses=_ERRORS)
async def get_export(export_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[exporting.Export]:
    """How far an export is; once it is ready, `downloadUrl` leads to its file, for a day."""
    question = exporting.ExportRequest(user_id=caller.user_id, export_id=export_id)
    return Answer(data=await parts.bus.ask(requests.AUTH_EXPORT_GET, question))


@router.delete("/{export_id}", responses=_ERRORS)
async def delete_export(export_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[Gone]:
    """Removes an export's file, or gives it up while it is being built."""
    question = exporting.ExportRequest(user_id=caller.user_id, export_id=export_id)
    await parts.bus.ask(requests.AUTH_EXPORT_DELETE, question)
    return Answer(data=Gone(id=export_id))


@router.get(
    "/{export_id}/download",
    response_class=Response,
    responses={
        200: {"content": _ZIP},
        206: {"content": _ZIP, "description": "The part that `Range` asked for"},
        304: {"description": "The client has it: If-None-Match"},
        **problems.responses(400, 404, 416, 503),
    },
)
async def download_export(
    export_id: Id,
    token: Annotated[str, Query(min_length=1, max_length=512, pattern="^[!-~]+$")],
    request: Request,
    parts: PartsHere,
) -> Response:
    """The file. The link needs no access token and runs out; a download that broke off goes on with `Range`."""
    found = await parts.bus.ask(requests.AUTH_EXPORT_OPEN, exporting.OpenExport(export_id=export_id, token=token))
    return await ranges.send(request, parts.storage, found, "private, no-store")
