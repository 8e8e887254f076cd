"""Everything of a user in one file: asked for, waited for, and downloaded, however often the line breaks."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from mizzap_client import operations
from mizzap_client.api import AsyncClient
from mizzap_client.errors import ClientError, NotFound, Unreachable
from mizzap_client.exchange import delays, problem_of
from mizzap_client.schemas import Export

_CHUNK_BYTES = 1 << 18
_LOOK_SECONDS = 1.0


class ExportFailed(ClientError):
    """The server could not build it, or what arrived is not what it built."""


Watch = Callable[[Export], None]
"""Is told how far the building is, about once a second."""
OnBytes = Callable[[int, int], None]
"""Hears (bytes that are here, bytes in all)."""


class _Part:
    """An unfinished download: the bytes, and beside them which export's they are and its entity tag."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(target.name + ".part")
        self._label = target.with_name(target.name + ".part.json")
        self.export_id = 0
        self.etag = ""
        try:
            label = json.loads(self._label.read_text())
            self.export_id, self.etag = int(label["exportId"]), str(label["etag"])
        except (OSError, ValueError, KeyError):
            return  # nothing there to go on with

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def label(self, export_id: int, etag: str) -> None:
        self.export_id, self.etag = export_id, etag
        self._label.write_text(json.dumps({"exportId": export_id, "etag": etag}))

    def finish(self, target: Path) -> None:
        """Raises ExportFailed when these are not the bytes that the server's tag, their SHA-256, says."""
        proven = self.sha256 == self.etag.strip('"')
        self._label.unlink()
        if not proven:
            self.path.unlink()
            raise ExportFailed("The file that arrived is not the one that was sent. Please try again.")
        self.path.replace(target)


async def export_library(
    client: AsyncClient, target: Path, watch: Watch = lambda _: None, on_bytes: OnBytes = lambda *_: None
) -> Path:
    """Builds an export and downloads it to ``target``; an unfinished download to the same place is gone on with.

    Raises ExportFailed, OSError, and as ``AsyncClient`` does.
    """
    part = await asyncio.to_thread(_Part, target)
    export = await built(client, await begin(client, part.export_id), watch)
    await download(client, export, part, on_bytes)
    await asyncio.to_thread(part.finish, target)
    return target


async def begin(client: AsyncClient, export_id: int = 0) -> Export:
    """That export while it can be had; else the one that is under way, or a new one."""
    if export_id:
        try:
            begun = await get(client, export_id)
        except NotFound:
            begun = None
        if begun is not None and begun.status == "ready":
            return begun
    return (await client.ask(operations.begin_export())).data


async def built(client: AsyncClient, export: Export, watch: Watch) -> Export:
    """Waits until it is ready. Raises ExportFailed."""
    while True:
        watch(export)
        if export.status not in ("queued", "building"):
            break
        await asyncio.sleep(_LOOK_SECONDS)
        export = await get(client, export.id)
    if export.status != "ready":
        raise ExportFailed(export.error or "The export is not there any more. Please ask for a new one.")
    return export


async def get(client: AsyncClient, export_id: int) -> Export:
    return (await client.ask(operations.get_export(export_id))).data


async def download(client: AsyncClient, export: Export, part: _Part, on_bytes: OnBytes) -> None:
    """Receives all of it, going on where the line broke, for as long as something arrives within the patience."""
    deadline = time.monotonic() + client.patience
    for pause in delays():
        before = part.size
        try:
            await _receive(client, export, part, on_bytes)
            return
        except (httpx.TransportError, Unreachable) as error:
            if part.size > before:
                deadline = time.monotonic() + client.patience
            elif time.monotonic() + pause > deadline:
                raise Unreachable(f"{client.server} does not answer ({error or type(error).__name__}).") from error
            await asyncio.sleep(pause)
        except NotFound:
            export = await get(client, export.id)  # the link has run out: a fresh one
            if export.status != "ready":
                raise


async def _receive(client: AsyncClient, export: Export, part: _Part, on_bytes: OnBytes) -> None:
    """Goes on where ``part`` ends, as long as the server's file is the same."""
    have = part.size if part.export_id == export.id else 0
    headers = {"Range": f"bytes={have}-", "If-Range": part.etag} if have else {}
    async with client.stream(export.download_url or "", headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # it is all here
        if response.status_code >= 400:
            await response.aread()
            problem = problem_of(response)
            raise Unreachable(problem.message) if response.status_code >= 500 else problem
        going_on = response.status_code == httpx.codes.PARTIAL_CONTENT
        have = have if going_on else 0
        total = have + int(response.headers["Content-Length"])
        with await asyncio.to_thread(part.path.open, "ab" if going_on else "wb") as file:
            await asyncio.to_thread(part.label, export.id, response.headers["ETag"])
            async for chunk in response.aiter_raw(_CHUNK_BYTES):
                await asyncio.to_thread(file.write, chunk)
                have += len(chunk)
                on_bytes(have, total)
