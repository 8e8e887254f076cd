"""Objects of the store as answers: streamed, with ETag, never whole in memory."""

from urllib.parse import quote

from mizzap_common.contracts.library import StoredObject
from mizzap_common.storage import Storage
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mizzap_gateway import etags

ASK_EACH_TIME = "private, no-cache"
"""For originals and for what others share: tomorrow it may be gone, or not shared any more. A 304 comes out of the
gateway's memory (docs/adr/0010)."""
AN_HOUR = "private, max-age=3600"
"""For one's own thumbnails, of which a gallery shows thousands. ``Vary`` keeps them to the token they were sent for, which
lives no longer, so that whoever logs in next at the same browser doesn't see them."""
VARY = "Authorization, Cookie"


async def send(request: Request, storage: Storage, found: StoredObject, cache: str = ASK_EACH_TIME) -> Response:
    """The object, or 304 when the client has it. A name makes it an attachment. Raises NotFound when it is gone."""
    etag = found.etag if found.etag.startswith('"') else f'"{found.etag}"'
    headers = {"ETag": etag, "Cache-Control": cache, "Vary": VARY}
    if etags.matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    if found.file_name is not None:
        name = found.file_name.replace("\\", "/").rpartition("/")[2]
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    headers["Content-Length"] = str(found.size_bytes)
    chunks = await storage.open(found.object_key)
    return StreamingResponse(chunks, headers=headers, media_type=found.mime_type)
