"""Exports downloaded over a line that breaks, and archives that are none."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from mizzap_client.api import AsyncClient
from mizzap_client.archive import Archive, NotAnExport
from mizzap_client.exporting import ExportFailed, export_library
from mizzap_client.models import Session

from clients.python.tests import shapes

CONTENT = bytes(range(256)) * 5000
STEP = 1 << 19
"""Two of the chunks that a download is written in."""
SESSION = Session.model_validate(shapes.session(1))


class Server:
    """A gateway with one export, that cuts the line after ``cut`` bytes of each answer."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.cut: int | None = None
        self.ranges: list[str | None] = []
        self.exports = 0
        self.link_ends = False
        self.state = "ready"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/download"):
            return self.download(request)
        if request.method == "POST":
            self.exports += 1
        return httpx.Response(202, json={"success": True, "data": self.export()})

    def export(self) -> dict[str, Any]:
        url = f"/api/v1/exports/{self.exports}/download?token=t" if self.state == "ready" else None
        return {
            "id": self.exports, "status": self.state, "photosDone": 0, "photosTotal": 0, "bytesDone": 0,
            "createdAt": "2026-01-01T00:00:00Z", "error": "It broke.", "downloadUrl": url, "readyAt": None, "expiresAt": None,
        }  # fmt: skip

    def download(self, request: httpx.Request) -> httpx.Response:
        if self.link_ends:
            self.link_ends = False
            error = {"code": "LINK_INVALID", "message": "over", "details": {}}
            return httpx.Response(404, json={"success": False, "error": error})
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        same = request.headers.get("If-Range") == f'"{self.sha256}"'
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and same else 0
        if start >= len(self.content):
            return httpx.Response(416)
        body = self.content[start:]
        headers = {"ETag": f'"{self.sha256}"', "Content-Length": str(len(body))}
        return httpx.Response(206 if start else 200, headers=headers, stream=Cut(body, self.cut))


class Cut(httpx.AsyncByteStream):
    def __init__(self, body: bytes, cut: int | None) -> None:
        self.body, self.cut = body, cut

    async def __aiter__(self):
        yield self.body[: self.cut]
        if self.cut is not None and self.cut < len(self.body):
            raise httpx.ReadError("the line broke")


def client_of(server: Server, patience: float = 5.0) -> AsyncClient:
    client = AsyncClient("http://mizzap.test", SESSION, patience=patience)
    client._http = httpx.AsyncClient(base_url="http://mizzap.test/api/v1", transport=httpx.MockTransport(server))
    return client


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_broken_line_is_gone_on_with(tmp_path: Path) -> None:
    server = Server()
    server.cut = STEP
    async with client_of(server) as client:
        await export_library(client, tmp_path / "out.zip")
    assert (tmp_path / "out.zip").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={STEP}-", f"bytes={2 * STEP}-"]
    assert names_in(tmp_path) == ["out.zip"]


async def test_the_next_run_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    server = Server()
    server.cut = 0
    target = tmp_path / "out.zip"
    async with client_of(server, patience=0.1) as client:
        server.cut = STEP
        original = server.download
        server.download = lambda request: original(request) if not server.ranges else httpx.Response(503, json={})  # type: ignore[method-assign]
        with pytest.raises(Exception, match="does not answer"):
            await export_library(client, target)
    server.download, server.cut = original, None  # type: ignore[method-assign]
    async with client_of(server) as client:
        await export_library(client, target)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={STEP}-"] and server.exports == 1


async def test_another_file_is_begun_anew(tmp_path: Path) -> None:
    server = Server()
    (tmp_path / "out.zip.part").write_bytes(b"x" * 1000)
    (tmp_path / "out.zip.part.json").write_text(json.dumps({"exportId": 1, "etag": '"older"'}))
    server.exports = 1
    async with client_of(server) as client:
        await export_library(client, tmp_path / "out.zip")
    assert (tmp_path / "out.zip").read_bytes() == CONTENT


async def test_a_link_that_ran_out_is_renewed(tmp_path: Path) -> None:
    server = Server()
    server.link_ends = True
    async with client_of(server) as client:
        await export_library(client, tmp_path / "out.zip")
    assert (tmp_path / "out.zip").read_bytes() == CONTENT


async def test_bytes_that_are_not_those_that_were_sent_are_thrown_away(tmp_path: Path) -> None:
    server = Server()
    server.sha256 = "0" * 64
    async with client_of(server) as client:
        with pytest.raises(ExportFailed):
            await export_library(client, tmp_path / "out.zip")
    assert names_in(tmp_path) == []


async def test_an_export_that_failed_is_told_in_its_words(tmp_path: Path) -> None:
    server = Server()
    server.state = "failed"
    async with client_of(server) as client:
        with pytest.raises(ExportFailed, match="It broke"):
            await export_library(client, tmp_path / "out.zip")


@pytest.mark.parametrize("manifest", [None, "{}", "[]", "no json", '{"format": "mizzap-export", "version": 2}'])
def test_what_is_no_export_is_refused_in_a_sentence(tmp_path: Path, manifest: str | None) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as file:
        if manifest is not None:
            file.writestr("manifest.json", manifest)
    with pytest.raises(NotAnExport):
        Archive(path)
    path.write_bytes(b"no zip")
    with pytest.raises(NotAnExport):
        Archive(path)


def test_a_name_in_an_archive_leads_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("manifest.json", '{"format": "mizzap-export", "version": 1}')
        photo = {"id": 1, "fileName": "a", "sha256": "../../evil", "fileSize": 1}
        file.writestr("photos.jsonl", json.dumps(photo))
        file.writestr("originals/../../evil.jpg", b"x")
    with Archive(path) as archive:
        assert not archive.has_original(archive.photos()[0].sha256)


def test_what_was_in_the_trash_is_not_brought_in(tmp_path: Path) -> None:
    path = tmp_path / "trash.zip"
    photo = {"id": 1, "fileName": "a", "sha256": "0" * 64, "fileSize": 1, "isFavourite": True, "trashedAt": None}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("manifest.json", '{"format": "mizzap-export", "version": 1}')
        lines = [photo, photo | {"id": 2, "trashedAt": "2026-01-01T00:00:00+00:00"}]
        file.writestr("photos.jsonl", "\n".join(map(json.dumps, lines)))
    with Archive(path) as archive:
        assert [(found.id, found.is_favourite) for found in archive.photos()] == [(1, True)]
