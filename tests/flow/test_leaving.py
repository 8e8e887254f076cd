"""Leaving MIZZAP as a user does it: everything in a file, the account erased, no trace anywhere, and the file brought
into the installation that is empty then (make erasure).

Searched for the canaries, byte by byte: PostgreSQL's whole cluster with its log, after ANALYZE, VACUUM FULL and
checkpoints; SeaweedFS' volumes and indexes, after its vacuum; the vector engine's folder; JetStream's store; all logs.
"""

import asyncio
import contextlib
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import psycopg
import pytest
from mizzap_client import errors
from mizzap_client.api import AsyncClient
from mizzap_client.exporting import export_library
from mizzap_client.importing import import_archive
from mizzap_client.models import Session
from mizzap_common.contracts import catalog
from PIL import ExifTags, Image

from tests.stack import Stack, running_stack

WAIT_SECONDS = 120.0
SETTLE_SECONDS = "3"
"""Instead of more than an hour, after which the services erase for the second time."""
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {"MIZZAP_ERASURE_SETTLE_SECONDS": SETTLE_SECONDS, "MIZZAP_ERASURE_SWEEP_SECONDS": "1"}
    with running_stack(tmp_path_factory.mktemp("leaving") / "data", environment=environment) as running:
        yield running


class Canaries:
    """A word for each field, which stands nowhere else in the world."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def __call__(self, field: str) -> str:
        return self.words.setdefault(field, f"canary{len(self.words)}x{uuid4().hex}")

    def found_in(self, data: bytes) -> set[str]:
        return {
            field
            for field, word in self.words.items()
            for form in (word.encode(), word.encode("utf-16-le"), word.upper().encode())
            if form in data
        }

    def found_under(self, folder: Path) -> dict[str, set[str]]:
        """Field → the files that hold its word, with a part of the path that says whose files they are."""
        found: dict[str, set[str]] = {}
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):  # servers remove files while we look
                if path.is_file() and (fields := self.found_in(path.read_bytes())):
                    for field in fields:
                        found.setdefault(field, set()).add(str(path.relative_to(folder)))
        return found


def photo(seed: int, canary: Canaries | None = None) -> bytes:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8))
    exif = Image.Exif()
    if canary:
        exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = canary("camera make"), canary("camera model")
        exif[ExifTags.Base.Artist], exif[ExifTags.Base.Copyright] = canary("artist"), canary("copyright")
        exif[ExifTags.Base.ImageDescription] = canary("image description")
        exif[ExifTags.Base.Software] = canary("software")
        more = exif.get_ifd(ExifTags.IFD.Exif)
        more[ExifTags.Base.BodySerialNumber] = canary("serial number")
        more[ExifTags.Base.DateTimeOriginal] = f"2024:05:06 07:08:{seed % 60:02}"
        more[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + canary("comment").encode()
    buffer = io.BytesIO()
    coarse.resize((640, 480), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90, exif=exif)
    return buffer.getvalue()


async def upload(client: AsyncClient, folder: Path, name: str, data: bytes) -> int:
    path = folder / "photo"
    path.write_bytes(data)
    result = await client.upload(path, name, hashlib.sha256(data).hexdigest(), len(data))
    assert result.photo is not None
    return result.photo.id


async def settled(client: AsyncClient) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while (await client.progress()).pending:
            await asyncio.sleep(0.1)


async def library(client: AsyncClient) -> dict[str, Any]:
    """What must be the same after export and import, without the ids, which are each installation's own."""
    photos = [photo async for photo in client.photos()]
    listed = (await client.call("GET", "/photos", params={"limit": 100}))["data"]
    names = {photo.id: (photo.sha256, photo.file_name) for photo in photos}
    albums = []
    for album in (await client.call("GET", "/albums", params={"limit": 100}))["data"]:
        whole = (await client.call("GET", f"/albums/{album['id']}"))["data"]
        cover = names.get(whole["coverPhotoId"])
        albums.append((whole["name"], whole["description"], cover, [names[i] for i in whole["photoIds"]]))
    decisions = [
        (frozenset((names[pair.primary_photo_id], names[pair.duplicate_photo_id])), pair.action)
        async for pair in client.duplicates()
    ]
    return {
        "photos": set(names.values()),
        "renamed": len(photos) - len({photo.sha256 for photo in photos}),
        "favourites": {names[photo["id"]] for photo in listed if photo["isFavourite"]},
        "albums": sorted(albums, key=str),
        "decisions": sorted(decisions, key=str),
    }


async def fill(client: AsyncClient, folder: Path, canary: Canaries) -> None:
    one = await upload(client, folder, f"{canary('file name')}.jpg", photo(1, canary))
    twin = await upload(client, folder, f"copies/{canary('second file name')}.jpg", photo(1, canary))
    other = await upload(client, folder, f"{canary('third file name')}.jpg", photo(2, canary))
    await upload(client, folder, f"{canary('broken file name')}.jpg", photo(3, canary)[:6000])
    body = {"name": canary("album name"), "description": canary("album description")}
    album = (await client.call("POST", "/albums", json=body))["data"]["id"]
    await client.call("POST", f"/albums/{album}/photos", json={"photoIds": [other, one, twin]})
    await client.call("PUT", f"/albums/{album}", json={"coverPhotoId": twin})
    await client.call("PUT", f"/photos/{other}/favourite", json={"favourite": True})
    await client.call("POST", "/families", json={"name": canary("family name")})
    await settled(client)
    (pair,) = [pair async for pair in client.duplicates()]
    await client.call("POST", f"/duplicates/{pair.id}/action", json={"action": "kept_both"})


async def register(client: AsyncClient, canary: Canaries) -> int:
    wanted = {
        "email": f"{canary('e-mail')}@example.com", "password": PASSWORD, "username": canary("user name"),
        "fullName": canary("full name"), "privacyAccepted": True, "deviceName": canary("device name"),
    }  # fmt: skip
    answer = await client.call("POST", "/auth/register", signed=False, json=wanted)
    return client.adopt_session(Session.model_validate(answer["data"])).user.id


def erasure_is_complete(stack: Stack) -> bool:
    with psycopg.connect(stack.database("auth")) as connection:
        done = connection.execute("SELECT completed_at IS NOT NULL FROM erasures").fetchall()
    return bool(done) and all(row[0] for row in done)


def rows_of(stack: Stack, user_id: int) -> list[str]:
    """Tables of all services that still name the user, but for those that are to remember the erasure."""
    found = []
    for service in set(catalog.SERVICES) - {"gateway"}:
        with psycopg.connect(stack.database(service)) as connection:
            columns = connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND column_name IN ('user_id', 'owner_id') AND table_name NOT IN"
                " ('user_tombstones', 'erasures', 'erasure_receipts')"
            ).fetchall()
            for table, column in columns:
                if connection.execute(f"SELECT 1 FROM {table} WHERE {column} = {user_id}").fetchone():
                    found.append(f"{service}.{table}")
    return found


def scrub_postgres(stack: Stack) -> None:
    """What time does by itself: vacuum rewrites what deleted rows lie in, and the log before a checkpoint goes.

    The statistics first: the planner keeps examples of the values that it has seen.
    """
    admin = stack.state["urls"]["postgres"]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET wal_recycle = off")
        connection.execute("SELECT pg_reload_conf()")
        databases = [row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE datallowconn")]
    for name in databases:
        with psycopg.connect(admin.rsplit("/", 1)[0] + f"/{name}", autocommit=True) as connection:
            connection.execute("ANALYZE")
            connection.execute("VACUUM (FULL)")
    with psycopg.connect(admin, autocommit=True) as connection:
        for _ in range(3):
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")


def scrub_store(stack: Stack) -> None:
    """SeaweedFS writes its volumes anew without what was deleted, which it does by itself once it is enough."""
    ports = json.loads((stack.data / "ports.json").read_text())
    answer = httpx.get(
        f"http://127.0.0.1:{ports['s3.master']}/vol/vacuum?garbageThreshold=0.000001", timeout=60, trust_env=False
    )
    answer.raise_for_status()


def no_trace(stack: Stack, canary: Canaries, seconds: float = 60.0) -> dict[str, set[str]]:
    """What is left of the canaries, after a while at most: the store deletes a file's bytes some time after the file."""
    deadline = time.monotonic() + seconds
    while True:
        scrub_store(stack)
        left = canary.found_under(stack.data)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(1)


@pytest.mark.erasure
async def test_out_with_everything_gone_without_a_trace_and_in_again(stack: Stack, tmp_path: Path) -> None:
    canary = Canaries()
    file = tmp_path / "export.zip"
    async with AsyncClient(stack.gateway) as client:
        user_id = await register(client, canary)
        await fill(client, tmp_path, canary)
        before = await library(client)
        assert (
            len(before["photos"]) == 4 and len(before["favourites"]) == 1 and before["decisions"][0][1] == "kept_both"
        )
        there = canary.found_under(stack.data)
        # addresses lie sealed: no file ever had this one in the clear
        assert set(there) == set(canary.words) - {"e-mail"}, "a canary that was never there proves nothing"

        await export_library(client, file)
        with zipfile.ZipFile(file) as archive:
            assert archive.testzip() is None
            photos = [json.loads(line) for line in archive.read("photos.jsonl").splitlines()]
            manifest = json.loads(archive.read("manifest.json"))
            originals = {Path(n).stem: n for n in archive.namelist() if n.startswith("originals/")}
            assert {(p["sha256"], p["fileName"]) for p in photos} == before["photos"]
            assert originals.keys() == {p["sha256"] for p in photos}
            for sha256, name in originals.items():
                assert hashlib.sha256(archive.read(name)).hexdigest() == sha256
            assert manifest["originals"]["count"] == 3 and not manifest["originals"]["missing"]
            account = json.loads(archive.read("account.json"))[0]
            assert account["email"].startswith(canary("e-mail")) and account["fullName"] == canary("full name")

        with pytest.raises(errors.ApiError) as refused:
            await client.call("DELETE", "/auth/account", json={"password": "a wrong one"})
        assert refused.value.code == "INVALID_CREDENTIALS"
        closed = (await client.call("DELETE", "/auth/account", json={"password": PASSWORD}))["data"]
        assert closed["erasureId"]
        with pytest.raises(errors.Unauthorized):
            await client.login(f"{canary('e-mail')}@example.com", PASSWORD)

    async with asyncio.timeout(WAIT_SECONDS):
        while not erasure_is_complete(stack):
            await asyncio.sleep(0.2)
    assert rows_of(stack, user_id) == []
    await asyncio.to_thread(scrub_postgres, stack)
    assert await asyncio.to_thread(no_trace, stack, canary) == {}

    async with AsyncClient(stack.gateway) as client:
        await client.register("somebody@example.com", PASSWORD)
        imported = await import_archive(client, file)
        assert imported.problems == [] and (imported.photos, imported.albums, imported.decisions) == (4, 1, 1)
        assert await library(client) == before
        again = await import_archive(client, file)
        assert (again.sent, again.problems, await library(client)) == (0, [], before)
