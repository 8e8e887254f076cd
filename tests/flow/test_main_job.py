"""The whole system as a user meets it: a stack as ``make run`` starts it, through the public API alone.

What no API shows (rows, objects, vectors that must be gone) is looked up in the servers themselves.
"""

import asyncio
import hashlib
import io
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import psycopg
import pytest
from minio import Minio
from mizzap_client.api import AsyncClient
from PIL import Image
from psycopg import sql

from tests.stack import Stack

SERVICES = ("photos", "thumbs", "dedup", "curation", "albums")
WAIT_SECONDS = 120.0


@dataclass
class Person:
    client: AsyncClient
    stack: Stack
    folder: Path

    async def upload(self, name: str, data: bytes) -> int:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        result = await self.client.upload(path, name, hashlib.sha256(data).hexdigest(), len(data))
        assert result.photo is not None
        return result.photo.id

    async def settled(self) -> None:
        """Until no photo of this user is under way."""
        async with asyncio.timeout(WAIT_SECONDS):
            while (await self.client.progress()).pending:
                await asyncio.sleep(0.1)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"{self.stack.gateway}/api/v1", trust_env=False) as http:
            token = self.client.session.access_token if self.client.session else ""
            return await http.get(path, headers={"Authorization": f"Bearer {token}", **headers})

    async def delete(self, photo_id: int) -> None:
        await self.client.call("DELETE", f"/photos/{photo_id}?permanent=true")


@pytest.fixture
async def person(stack: Stack, tmp_path: Path) -> AsyncIterator[Person]:
    async with AsyncClient(stack.gateway) as client:
        await client.register(f"{uuid4()}@example.com", "correct horse battery", ai=True)
        yield Person(client, stack, tmp_path)


def scene(seed: int) -> Image.Image:
    """A picture of its own: smooth colours with some texture."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((800, 600), Image.Resampling.BICUBIC), np.float32)
    return Image.fromarray(np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8))


def jpeg(picture: Image.Image, quality: int = 90, taken: str | None = None) -> bytes:
    exif = Image.Exif()
    if taken:
        exif[0x0132] = taken
        exif.get_ifd(0x8769)[0x9003] = taken
        exif[0x0110] = "Pixel 9"
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, exif=exif)
    return buffer.getvalue()


def rows_about(stack: Stack, photo_ids: list[int]) -> list[str]:
    """Every table of every service that still has a row with one of these photos' ids; tombstones and mail aside."""
    found = []
    for service in SERVICES:
        with psycopg.connect(stack.database(service)) as connection:
            columns = connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND (column_name LIKE '%photo_id' OR (table_name = 'photos' AND column_name = 'id'))"
                " AND table_name NOT IN ('tombstones', 'duplicate_pairs')"
            ).fetchall()
            for table, column in columns:
                query = sql.SQL("SELECT count(*) FROM {} WHERE {} = ANY(%s)").format(
                    sql.Identifier(table), sql.Identifier(column)
                )
                (count,) = connection.execute(query, (photo_ids,)).fetchone() or (0,)
                if count:
                    found.append(f"{service}.{table}.{column}: {count}")
    return found


def objects_of(stack: Stack, user_id: int) -> list[str]:
    s3 = stack.state["s3"]
    client = Minio(s3["endpoint"], access_key=s3["access_key"], secret_key=s3["secret_key"], secure=False)
    return [str(o.object_name) for o in client.list_objects(s3["bucket"], prefix=f"user-{user_id}/", recursive=True)]


def vectors_of(stack: Stack, user_id: int) -> int:
    url = stack.state["urls"]["qdrant"]
    total = 0
    for collection in httpx.get(f"{url}/collections", trust_env=False).json()["result"]["collections"]:
        for value in (user_id, str(user_id)):
            answer = httpx.post(
                f"{url}/collections/{collection['name']}/points/count",
                json={"filter": {"must": [{"key": "user_id", "match": {"value": value}}]}, "exact": True},
                trust_env=False,
            )
            total += answer.json()["result"]["count"] if answer.status_code == 200 else 0
    return total


async def gone(stack: Stack, user_id: int, photo_ids: list[int]) -> None:
    """Waits until nothing of these photos is left anywhere; says what is when it takes too long."""
    left: list[object] = []
    try:
        async with asyncio.timeout(60):
            while True:
                left = [*rows_about(stack, photo_ids), *objects_of(stack, user_id)]
                if not left and not vectors_of(stack, user_id):
                    return
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise AssertionError(f"left: {left}, vectors: {vectors_of(stack, user_id)}") from None


async def test_the_main_job(person: Person) -> None:
    picture = scene(1)
    original = await person.upload("a/IMG_1.jpg", jpeg(picture, 95, "2024:05:06 07:08:09"))
    exact = await person.upload("b/copy.jpg", jpeg(picture, 95, "2024:05:06 07:08:09"))
    smaller = await person.upload("c/sent.jpg", jpeg(picture.resize((400, 300)), 75))
    other = await person.upload("d/IMG_2.jpg", jpeg(scene(2), 90, "2024:05:06 09:00:00"))
    cut = await person.upload("e/broken.jpg", jpeg(scene(3))[:9000])
    await person.settled()

    photos = {photo.id: photo async for photo in person.client.photos()}
    assert {number: photo.status for number, photo in photos.items()} == {
        original: "processed", exact: "processed", smaller: "processed", other: "processed", cut: "failed",
    }  # fmt: skip
    assert photos[cut].error is not None and photos[cut].error.code == "IMAGE_UNREADABLE"
    assert photos[original].created_date is not None and str(photos[original].created_date) == "2024-05-06"
    (group,) = [group async for group in person.client.groups()]
    assert group.keeper in (original, exact)
    assert set(group.members) == {original, exact, smaller}
    assert group.reasons
    assert [photos[number].has_duplicates for number in (original, exact, smaller, other)] == [True] * 3 + [False]


async def test_renditions_are_small_upright_and_tell_nothing(person: Person) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x0131] = 6, "CANARY"
    exif.get_ifd(0x8825)[1] = "N"
    buffer = io.BytesIO()
    scene(4).save(buffer, "JPEG", exif=exif)
    photo = await person.upload("turned.jpg", buffer.getvalue())
    await person.settled()
    for side, size in ((200, (150, 200)), (400, (300, 400)), (1200, (600, 800))):
        data, mime_type = await person.client.thumbnail(photo, side)
        rendition = Image.open(io.BytesIO(data))
        assert (rendition.size, mime_type) == (size, "image/jpeg")
        assert not rendition.getexif() and b"CANARY" not in data


async def test_a_deleted_photo_leaves_nothing_anywhere(person: Person) -> None:
    photos = [await person.upload(f"{seed}.jpg", jpeg(scene(10 + seed // 2), 80 + seed)) for seed in range(4)]
    await person.settled()
    user = await person.client.me()
    assert rows_about(person.stack, photos) and vectors_of(person.stack, user.id) == 4
    for photo in photos:
        await person.delete(photo)
    await gone(person.stack, user.id, photos)


async def test_a_deletion_that_meets_the_processing_leaves_nothing_either(person: Person) -> None:
    rng = random.Random(5)

    async def upload_and_delete(seed: int) -> int:
        photo = await person.upload(f"{seed}.jpg", jpeg(scene(100 + seed)))
        await asyncio.sleep(rng.random() * 1.5)  # the race itself: a moment at random in the processing
        await person.delete(photo)
        return photo

    photos = [number for batch in range(4) for number in await asyncio.gather(*map(upload_and_delete, range(batch * 6, batch * 6 + 6)))]  # fmt: skip
    user = await person.client.me()
    await gone(person.stack, user.id, photos)


async def test_another_user_sees_nothing(person: Person, stack: Stack, tmp_path: Path) -> None:
    photo = await person.upload("mine.jpg", jpeg(scene(50)))
    await person.settled()
    async with AsyncClient(stack.gateway) as client:
        await client.register(f"{uuid4()}@example.com", "correct horse battery", ai=True)
        other = Person(client, stack, tmp_path)
        for path in ("/photos/{}", "/photos/{}/thumbnail", "/photos/{}/original"):
            foreign, missing = await other.get(path.format(photo)), await other.get(path.format(10**12))
            assert foreign.status_code == missing.status_code == 404
            assert foreign.text.replace(str(photo), "N") == missing.text.replace(str(10**12), "N")
        assert [item async for item in client.photos()] == []
        assert (await client.precheck([hashlib.sha256(jpeg(scene(50))).hexdigest()])) == {}


async def test_a_trace_leads_from_the_request_into_every_service(person: Person) -> None:
    data = jpeg(scene(60))
    trace_id = uuid4().hex
    async with httpx.AsyncClient(base_url=f"{person.stack.gateway}/api/v1", trust_env=False) as http:
        assert person.client.session is not None
        answer = await http.post(
            "/photos/upload",
            headers={
                "Authorization": f"Bearer {person.client.session.access_token}",
                "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01",
            },
            files={"files": ("traced.jpg", data, "image/jpeg")},
        )
    photo = answer.json()["data"][0]["photo"]["id"]
    await person.settled()
    for service, subject in (
        ("photos", "photo.uploaded"), ("thumbs", "photo.thumbnailed"), ("dedup", "photo.fingerprinted"),
        ("curation", "photo.scored"), ("photos", "photo.processed"),
    ):  # fmt: skip
        with psycopg.connect(person.stack.database(service)) as connection:
            (headers,) = connection.execute(
                "SELECT headers FROM outbox WHERE subject = %s AND about = %s", (subject, f"photo/{photo}")
            ).fetchone() or ({},)
        assert headers.get("traceparent", "").split("-")[1:2] == [trace_id], subject
