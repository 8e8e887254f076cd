"""Exports: what is in the file, who may have it, and what becomes of it."""

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mizzap_auth.archive import Archive, GivenUp
from mizzap_auth.audit import AuditLog
from mizzap_auth.builder import Builder
from mizzap_auth.exports import Exports
from mizzap_auth.links import Links
from mizzap_auth.settings import AuthSettings
from mizzap_common import migrations, testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import exporting, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import NotFound, Unavailable
from mizzap_common.sealed import KeyRing, new_key_ring
from mizzap_common.storage import Storage, original_key
from sqlalchemy import text

SOURCES = {
    requests.PHOTOS_EXPORT: "photos.jsonl", requests.ALBUMS_EXPORT: "albums.json",
    requests.DEDUP_EXPORT: "duplicates.jsonl", requests.CURATION_EXPORT: "moments.json",
}  # fmt: skip
BYTES = [b"first" * 100_000, b"second", b"third"]
HASHES = [hashlib.sha256(data).hexdigest() for data in BYTES]


class Others:
    """The other services: pages of what a test gives them."""

    def __init__(self) -> None:
        self.items: dict[str, list[dict[str, Any]]] = {name: [] for name in SOURCES.values()}
        self.down = False
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def replies(self) -> list[testing.Reply]:
        return [(method, self._answering(name)) for method, name in SOURCES.items()]

    def _answering(self, name: str) -> Callable[[exporting.ExportPageRequest], Any]:
        async def answer(request: exporting.ExportPageRequest) -> exporting.ExportPage:
            self.asked.set()
            await self.may_answer.wait()
            if self.down:
                raise Unavailable("not now")
            _, after = request.place  # two items a page
            shown = self.items[name][after : after + 2]
            more = after + 2 < len(self.items[name])
            return exporting.ExportPage(file=name, items=shown, next_cursor=f"0:{after + 2}" if more else None)

        return answer


class World:
    def __init__(self, bus: Bus, database: Database, storage: Storage, settings: AuthSettings, others: Others) -> None:
        self.bus = bus
        self.database = database
        self.storage = storage
        self.others = others
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        ring = KeyRing.from_file(settings.key_ring_file)
        audit = AuditLog(database, ring, days=90)
        self.exports = Exports(database, storage, Links(ring), settings, audit, lambda: self.now)
        self.builder = Builder(self.exports, bus, storage)
        self.user_id = 0

    async def build(self) -> exporting.Export:
        begun = await self.exports.begin(library.UserRequest(user_id=self.user_id))
        assert await self.builder.work()
        return await self.get(begun.id)

    async def get(self, export_id: int, user_id: int | None = None) -> exporting.Export:
        return await self.exports.get(exporting.ExportRequest(user_id=user_id or self.user_id, export_id=export_id))

    async def open(self, export_id: int, token: str) -> library.StoredObject:
        return await self.exports.open(exporting.OpenExport(export_id=export_id, token=token))

    async def content(self, export: exporting.Export) -> bytes:
        return await self.storage.get((await self.open(export.id, token_of(export))).object_key)

    async def files(self) -> list[str]:
        return [found.key for found in await self.storage.list(f"user-{self.user_id}/exports/")]

    async def user(self) -> int:
        async with self.database.begin() as session:
            made = await session.execute(
                text(
                    "INSERT INTO users (email, email_index, password_hash, country, privacy_accepted)"
                    " VALUES ('a', gen_random_uuid()::text::bytea, 'x', 'FR', true) RETURNING id"
                )
            )
            return int(made.scalar_one())


def token_of(export: exporting.Export) -> str:
    assert export.download_url
    return export.download_url.partition("token=")[2]


def photo(number: int, name: str, sha256: str) -> dict[str, Any]:
    return {"id": number, "fileName": name, "sha256": sha256, "mimeType": "image/jpeg"}


@pytest.fixture(scope="module")
async def base(
    nats_url: str, make_database: Callable[[str], str], s3_settings: testing.Store, tmp_path_factory: Any
) -> AsyncIterator[World]:
    url = make_database("exports")
    await asyncio.to_thread(migrations.upgrade, "mizzap_auth", url)
    ring = tmp_path_factory.mktemp("ring") / "ring.json"
    ring.write_text(new_key_ring("1"))
    settings = testing.settings_for(AuthSettings, nats_url, s3_settings, url, signing_key_file=ring, key_ring_file=ring)
    others = Others()

    async def account(request: exporting.ExportPageRequest) -> exporting.ExportPage:
        return exporting.ExportPage(file="account.json", items=[{"id": request.user_id}], next_cursor=None)

    database = Database(url)
    async with testing.outsider(nats_url, [*others.replies(), (requests.AUTH_EXPORT, account)]) as bus:
        yield World(bus, database, Storage(settings), settings, others)
    await database.close()


@pytest.fixture
async def world(base: World) -> World:
    base.now = datetime(2026, 1, 1, tzinfo=UTC)
    base.user_id = await base.user()
    base.others.__init__()  # type: ignore[misc]
    for data, sha256 in zip(BYTES[:2], HASHES[:2], strict=True):
        await base.storage.put(original_key(base.user_id, sha256), data, "image/jpeg")
    base.others.items["photos.jsonl"] = [
        photo(1, "a.jpg", HASHES[0]),
        photo(2, "été/🌞.jpg", HASHES[1]),
        photo(3, "copy of a.jpg", HASHES[0]),
        photo(4, "gone.jpg", HASHES[2]),
    ]
    base.others.items["albums.json"] = [{"id": n, "name": f"album {n}", "photoIds": [2, 1]} for n in range(3)]
    return base


async def test_the_file_has_everything_and_says_what_it_has(world: World) -> None:
    export = await world.build()
    assert (export.status, export.photos_done, export.photos_total) == ("ready", 4, 4)
    data = await world.content(export)
    assert export.bytes_done == len(data)
    found = await world.open(export.id, token_of(export))
    assert (found.size_bytes, found.etag) == (len(data), hashlib.sha256(data).hexdigest())
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    lines = [json.loads(line) for line in archive.read("photos.jsonl").splitlines()]
    assert lines == world.others.items["photos.jsonl"]
    assert json.loads(archive.read("albums.json")) == world.others.items["albums.json"]
    assert json.loads(archive.read("account.json")) == [{"id": world.user_id}]
    assert archive.read("duplicates.jsonl") == b"" and json.loads(archive.read("moments.json")) == []
    for expected, sha256 in zip(BYTES[:2], HASHES[:2], strict=True):
        assert archive.read(f"originals/{sha256}.jpg") == expected
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["format"], manifest["version"]) == ("mizzap-export", 1)
    for name, said in manifest["files"].items():
        assert said["sha256"] == hashlib.sha256(archive.read(name)).hexdigest()
    assert manifest["files"]["photos.jsonl"]["items"] == 4
    sizes = len(BYTES[0]) + len(BYTES[1])
    assert manifest["originals"] == {"count": 2, "bytes": sizes, "missing": [HASHES[2]], "damaged": []}
    await testing.eventually(lambda: _told(world, export.id))


async def _told(world: World, export_id: int) -> bool:
    async with world.database.begin() as session:
        row = await session.execute(text("SELECT payload FROM outbox WHERE subject = 'export.ready'"))
        return any(json.loads(payload)["exportId"] == export_id for (payload,) in row)


async def test_damaged_bytes_are_handed_out_and_named(world: World) -> None:
    await world.storage.put(original_key(world.user_id, HASHES[1]), b"other bytes", "image/jpeg")
    archive = zipfile.ZipFile(io.BytesIO(await world.content(await world.build())))
    assert json.loads(archive.read("manifest.json"))["originals"]["damaged"] == [HASHES[1]]


async def test_there_is_one_at_a_time(world: World) -> None:
    question = library.UserRequest(user_id=world.user_id)
    begun = await asyncio.gather(*(world.exports.begin(question) for _ in range(5)))
    assert len({export.id for export in begun}) == 1
    assert await world.builder.work() and not await world.builder.work()
    again = await world.exports.begin(question)
    assert again.id != begun[0].id
    listed = (await world.exports.list(question)).exports
    assert [(e.id, e.status) for e in listed] == [(again.id, "queued"), (begun[0].id, "ready")]
    await world.exports.delete(exporting.ExportRequest(user_id=world.user_id, export_id=again.id))


async def test_nobody_sees_somebody_else_s(world: World) -> None:
    export = await world.build()
    stranger = await world.user()
    answers = []
    for export_id in (export.id, 2**50):
        question = exporting.ExportRequest(user_id=stranger, export_id=export_id)
        for ask in (world.exports.get, world.exports.delete):
            with pytest.raises(NotFound) as refused:
                await ask(question)
            answers.append((refused.value.code, refused.value.message, refused.value.details))
    assert len({str(answer) for answer in answers}) == 1
    assert await world.files()


async def test_a_link_is_good_for_its_export_and_for_a_day(world: World) -> None:
    export = await world.build()
    token = token_of(export)
    user, number, until, signature = token.split(".")
    forged = [
        f"{user}.{number}.{int(until) + 1}.{signature}", f"{int(user) + 1}.{number}.{until}.{signature}",
        f"{user}.{number}.{until}.", "", "é", f"{token}x", ".".join([user, number, until, signature[::-1]]),
    ]  # fmt: skip
    other = Links(KeyRing("1", {"1": b"0" * 32}, [b"1" * 32]))
    forged.append(other.token(world.user_id, export.id, world.now + timedelta(days=1)))
    for wrong in forged:
        assert world.exports.links.owner(wrong, export.id, world.now) is None, wrong
    assert world.exports.links.owner(token, export.id + 1, world.now) is None
    world.now += timedelta(hours=23)
    assert (await world.open(export.id, token)).mime_type == "application/zip"
    world.now += timedelta(hours=1)
    with pytest.raises(NotFound) as refused:
        await world.open(export.id, token)
    assert refused.value.code == "LINK_INVALID"
    assert await world.open(export.id, token_of(await world.get(export.id)))


async def test_after_a_week_the_file_goes(world: World) -> None:
    export = await world.build()
    world.now += timedelta(days=7) - timedelta(seconds=1)
    assert await world.exports.remove_expired() == 0
    token = token_of(await world.get(export.id))
    world.now += timedelta(seconds=1)
    assert await world.exports.remove_expired() >= 1  # other tests' are over too
    assert await world.files() == []
    shown = await world.get(export.id)
    assert (shown.status, shown.download_url) == ("expired", None)
    with pytest.raises(NotFound):
        await world.open(export.id, token)


async def test_one_that_is_deleted_while_it_is_built_leaves_no_file(world: World) -> None:
    world.others.may_answer.clear()
    begun = await world.exports.begin(library.UserRequest(user_id=world.user_id))
    building = asyncio.create_task(world.builder.work())
    await world.others.asked.wait()
    await world.exports.delete(exporting.ExportRequest(user_id=world.user_id, export_id=begun.id))
    world.others.may_answer.set()
    assert await building
    assert await world.files() == []


async def test_one_whose_builder_died_is_begun_anew(world: World) -> None:
    begun = await world.exports.begin(library.UserRequest(user_id=world.user_id))
    lease = timedelta(seconds=world.exports.settings.export_lease_seconds + 1)
    dead = await world.exports.claim()
    assert dead is not None and not await world.builder.work()
    world.now += lease
    successor = await world.exports.claim()
    # should the dead one wake, it has nothing to say any more
    assert not await world.exports.progress(dead, 1, 1, 1) and not await world.exports.finish(dead, 1, 1, "x")
    assert successor is not None and await world.exports.progress(successor, 1, 1, 1)
    world.now += lease
    assert await world.builder.work()
    ready = await world.get(begun.id)
    assert ready.status == "ready" and ready.bytes_done == len(await world.content(ready))


async def test_one_that_can_never_be_built_fails_and_says_so(world: World) -> None:
    world.others.down = True
    begun = await world.exports.begin(library.UserRequest(user_id=world.user_id))
    for _ in range(world.exports.settings.export_tries):
        assert (await world.get(begun.id)).status in ("queued", "building")
        assert await world.builder.work()
        world.now += timedelta(minutes=1)
    failed = await world.get(begun.id)
    assert failed.status == "failed" and failed.error and failed.download_url is None
    assert not await world.builder.work() and await world.files() == []


async def test_a_builder_that_is_told_to_stop_stops(world: World) -> None:
    async def report(*_: int) -> bool:
        return True

    archive = Archive(world.user_id, world.bus, world.storage, report, world.now)
    await asyncio.to_thread(archive.read, 10)
    archive.abandon()
    with pytest.raises(GivenUp):
        await asyncio.to_thread(archive.read, 10_000_000)
