"""An export comes in as far as it is whole, and into nothing that is not the user's own."""

import asyncio
import hashlib
import json
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from mizzap_client import cli
from mizzap_client.api import AsyncClient
from mizzap_client.archive import NotAnExport
from mizzap_client.config import Login, save_login
from mizzap_client.importing import Imported, import_archive
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket
from typer.testing import CliRunner

from clients.python.tests.fake_gateway import FakeGateway, refusal

CHANGED = "2025-10-23T10:00:00Z"
MOMENTS = {"id": None, "status": "suggested", "moments": [], "photos": 0, "upToDate": True, "updatedAt": None}
ALBUM = {"description": None, "coverPhotoId": None, "visibility": "shared", "photoCount": 0, "version": 1}


def album(number: int, name: str, role: str) -> dict[str, Any]:
    times = {"createdAt": CHANGED, "updatedAt": CHANGED}
    return {"id": number, "ownerId": 1 if role == "owner" else 2, "role": role, "name": name, **ALBUM, **times}


@dataclass
class Gateway(FakeGateway):
    """One that has albums and wishes too."""

    albums: list[dict[str, Any]] = field(default_factory=list)
    filled: dict[int, list[int]] = field(default_factory=dict)
    """The photos that were put into each album."""
    wished: list[dict[str, list[int]]] = field(default_factory=list)
    """Each change of the moments."""

    def routes(self) -> dict[str, Callable[[Request], Awaitable[Response]]]:
        return super().routes() | {
            "/albums": self.all_albums, "/albums/{id:int}": self.one_album, "/albums/{id:int}/photos": self.fill,
            "/duplicates": self.pairs, "/curation/moments": self.curate,
        }  # fmt: skip

    def keep(self, name: str, sha256: str) -> dict[str, Any]:
        photo = super().keep(name, sha256)
        return photo | {"id": 1 + [name for names in self.stored.values() for name in names].index(name)}

    async def all_albums(self, request: Request) -> Response:
        if request.method == "POST":
            self.albums.append(made := album(len(self.albums) + 1, (await request.json())["name"], "owner"))
            return JSONResponse({"success": True, "data": made}, 201)
        return _listed(self.albums)

    async def one_album(self, request: Request) -> Response:
        number = request.path_params["id"]
        found = next(there for there in self.albums if there["id"] == number)
        return JSONResponse({"success": True, "data": found | {"photoIds": self.filled.get(number, [])}})

    async def fill(self, request: Request) -> Response:
        number = request.path_params["id"]
        self.filled.setdefault(number, []).extend((await request.json())["photoIds"])
        return JSONResponse({"success": True, "data": self.albums[number - 1]})

    async def pairs(self, request: Request) -> Response:
        stats = {"totalDuplicates": 0, "spaceToFree": "0 B", "spaceToFreeBytes": 0, "duplicatePercentage": 0}
        return _listed([], stats=stats)

    async def curate(self, request: Request) -> Response:
        if request.method == "PUT":
            wish = await request.json()
            # as the interface has it
            if len(wish.get("remove", [])) > 100 or len(wish.get("add", [])) > 20:
                return refusal(400, "INVALID_INPUT")
            self.wished.append(wish)
        return JSONResponse({"success": True, "data": MOMENTS})


def _listed(items: list[Any], **more: Any) -> Response:
    place = {"page": 1, "limit": 100, "total": len(items), "totalPages": 1, "hasMore": False, "nextCursor": None}
    return JSONResponse({"success": True, "data": items, "pagination": place, **more})


@pytest.fixture
def gateway() -> Gateway:
    processed = {"photos": 0, "stored": 0, "processed": 0, "failed": 0, "pending": 0, "renditions": 0}

    async def quiet(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive()

    return Gateway(progress=lambda: processed, socket=quiet)


def photo(number: int, trashed_at: str | None = None) -> dict[str, Any]:
    content = f"photo {number}".encode()
    named = {"id": number, "fileName": f"{number}.jpg", "sha256": hashlib.sha256(content).hexdigest()}
    return {**named, "fileSize": len(content), "trashedAt": trashed_at}


def export(folder: Path, photos: list[dict[str, Any]], files: Mapping[str, Any] = MappingProxyType({})) -> Path:
    """``files`` by name: what is in each of them, or its text as it is."""
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("manifest.json", '{"format": "mizzap-export", "version": 1}')
        for number in (shown["id"] for shown in photos):
            file.writestr(f"originals/{photo(number)['sha256']}.jpg", f"photo {number}")
        for name, items in {"photos.jsonl": photos, **files}.items():
            if isinstance(items, str | bytes):
                text = items
            else:
                text = json.dumps(items) if name == "albums.json" else "\n".join(map(json.dumps, items))
            file.writestr(name, text)
    return path


async def brought_in(client: AsyncClient, path: Path) -> Imported:
    async with asyncio.timeout(60):
        return await import_archive(client, path)


async def test_a_relative_s_album_is_not_taken_for_one_s_own(client: Any, gateway: Any, tmp_path: Path) -> None:
    gateway.albums = [album(1, "Été", "member"), album(2, "Été", "viewer"), album(3, "Hiver", "owner")]
    mine = [{"id": 8, "name": "Été", "photoIds": [1]}, {"id": 9, "name": "Hiver", "photoIds": [1]}]
    done = await brought_in(client, export(tmp_path, [photo(1)], {"albums.json": mine}))
    assert (done.albums, done.problems) == (2, [])
    assert gateway.filled == {4: [1], 3: [1]}, "a new one for what is private, the own one gone on with"
    assert gateway.albums[3]["role"] == "owner"


async def test_one_damaged_original_stops_no_other(client: Any, gateway: Any, tmp_path: Path) -> None:
    path = export(tmp_path, [photo(number) for number in range(1, 6)])
    content = path.read_bytes()
    assert content.count(b"photo 3") == 1
    path.write_bytes(content.replace(b"photo 3", b"ph?to 3"))
    done = await brought_in(client, path)
    assert done.problems == ["3.jpg: its original in the export is damaged."]
    assert (done.photos, done.sent) == (4, 4)


async def test_a_photo_at_which_the_line_breaks_each_time_stops_no_other(
    client: Any, gateway: Any, line: Any, tmp_path: Path
) -> None:
    line.poison, client.patience = b"photo 3", 0.3
    done = await brought_in(client, export(tmp_path, [photo(number) for number in range(1, 6)]))
    (problem,) = done.problems
    assert problem.startswith("3.jpg: ") and "does not answer" in problem
    assert done.photos == 4


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("photos.jsonl", "{", "Line 1 of"), ("photos.jsonl", json.dumps(photo(1)) + "\n{}", "Line 2 of"),
        ("photos.jsonl", "[]", "Line 1 of"), ("photos.jsonl", b"\xff", "Line 1 of"),
        ("duplicates.jsonl", '{"action": "perhaps"}', "Line 1 of"), ("wishes.jsonl", '{"photoId": "?"}', "Line 1 of"),
        ("albums.json", "7", ""), ("albums.json", '[{"id": 1}]', ""), ("albums.json", "[", ""),
    ],
)  # fmt: skip
async def test_what_can_t_be_understood_is_said_before_anything_is_sent(
    client: Any, gateway: Any, tmp_path: Path, name: str, text: str | bytes, where: str
) -> None:
    path = export(tmp_path, [photo(1)], {name: text})
    with pytest.raises(NotAnExport, match=f"^{where} ?{name} of the export can't be understood"):
        await brought_in(client, path)
    assert gateway.bodies == []


async def test_the_command_says_it_in_one_sentence(
    client: Any, gateway: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIZZAP_CONFIG", str(tmp_path / "session.json"))
    save_login(Login(server=client.server, session=client.session))
    path = export(tmp_path, [photo(1)], {"wishes.jsonl": '{"photoId": "?"}'})
    result = await asyncio.to_thread(CliRunner().invoke, cli.app, ["import", str(path)])
    assert result.exit_code == 1
    assert result.stderr == "Error: Line 1 of wishes.jsonl of the export can't be understood.\n"


async def test_wishes_go_by_the_hundred(client: Any, gateway: Any, tmp_path: Path) -> None:
    photos = [photo(number) for number in range(1, 222)]
    wishes = [{"photoId": number, "wish": "removed"} for number in range(1, 206)]
    wishes += [{"photoId": number, "wish": "pinned"} for number in range(206, 221)] + [{"photoId": 221, "wish": None}]
    gateway.stored = {shown["sha256"]: [shown["fileName"]] for shown in photos}
    done = await brought_in(client, export(tmp_path, photos, {"wishes.jsonl": wishes}))
    assert (done.wishes, done.problems) == (220, [])
    assert [len(wish.get("remove", [])) for wish in gateway.wished] == [100, 100, 5, 0]
    assert [photo_id for wish in gateway.wished for photo_id in wish.get("remove", [])] == list(range(1, 206))
    assert gateway.wished[-1] == {"add": list(range(206, 221))}


async def test_what_was_said_of_a_photo_in_the_trash_is_no_problem(client: Any, gateway: Any, tmp_path: Path) -> None:
    photos = [photo(1), photo(2, trashed_at=CHANGED), photo(3)]
    said = {"primaryPhotoId": 1, "action": "kept_both"}
    done = await brought_in(client, export(tmp_path, photos, {"duplicates.jsonl": [said | {"duplicatePhotoId": 2}]}))
    assert (done.decisions, done.problems) == (0, [])
    both = [said | {"duplicatePhotoId": number} for number in (2, 3)]
    done = await brought_in(client, export(tmp_path, photos, {"duplicates.jsonl": both}))
    assert done.problems == ["1 decisions are about pairs that the server did not find again."]
