"""Objects of the store as answers that can be resumed: one byte range at a time (RFC 9110, 14)."""

import re

from mizzap_common.contracts.library import StoredObject
from mizzap_common.storage import Storage
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mizzap_gateway import files, problems

_ONE_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


async def send(request: Request, storage: Storage, found: StoredObject, cache: str) -> Response:
    """The object or the part that was asked for; 416 when it has no such part. Raises NotFound when it is gone.

    ``found.etag`` changes with the object's bytes and with nothing else.
    """
    asked = request.headers.get("range", "")
    if not _ONE_RANGE.fullmatch(asked) or not _is_current(request.headers.get("if-range"), found.etag):
        whole = await files.send(request, storage, found, cache)
        whole.headers["Accept-Ranges"] = "bytes"
        return whole
    part = within(asked, found.size_bytes)
    if part is None:
        headers = {"Content-Range": f"bytes */{found.size_bytes}", "Accept-Ranges": "bytes"}
        return problems.answer(416, "RANGE_NOT_SATISFIABLE", "The file has no such part.", {}, headers)
    first, last = part
    chunks = await storage.open(found.object_key, first, last - first + 1)
    headers = {
        "ETag": f'"{found.etag}"',
        "Cache-Control": cache,
        "Vary": files.VARY,
        "Accept-Ranges": "bytes",
        "Content-Range": f"bytes {first}-{last}/{found.size_bytes}",
        "Content-Length": str(last - first + 1),
    }
    return StreamingResponse(chunks, 206, headers=headers, media_type=found.mime_type)


def within(asked: str, size: int) -> tuple[int, int] | None:
    """First and last byte of what a header with one range asks for; None when there is no such part."""
    match = _ONE_RANGE.fullmatch(asked)
    assert match is not None
    begin, end = match.groups()
    if not begin:  # the last so many bytes
        length = min(int(end or 0), size)
        return (size - length, size - 1) if length else None
    first, last = int(begin), min(int(end), size - 1) if end else size - 1
    return (first, last) if first <= last else None


def _is_current(if_range: str | None, etag: str) -> bool:
    """A date is no proof that the bytes are the same, and a weak tag isn't one either."""
    return if_range is None or if_range.strip() == f'"{etag}"'
