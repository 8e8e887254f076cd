"""Objects of the store as answers: streamed, with ETag, never whole in memory."""

from urllib.parse import quote

from mizzap_common.contracts.library import StoredObject
from mizzap_common.storage import Storage
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mizzap_gateway import etags

ASK_EACH_TIME = "private, no-cache"
"""For photos and what is made of them. Whoever logs in next at the same browser may not see what it keeps, nor may anybody
what has been deleted since: so it asks, and a 304 comes out of the gateway's memory (docs/adr/0010). A time to live would
spare that too, and leave it to the browser to tell users apart."""
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
