"""Photos that arrive together, and deletions that race with processing: each race is held open and run through."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pytest
from mizzap_common import migrations, testing, tombstones
from mizzap_common.contracts import catalog, duplicating, events
from mizzap_common.db import Database
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.inbox import AlreadyHandled, Delivery
from mizzap_common.models.bundle import Bundle, collection_name
from mizzap_common.models.choose import choose_bundle
from mizzap_common.storage import Storage, original_key
from mizzap_common.tables import INBOX, OUTBOX
from mizzap_dedup.examine import load
from mizzap_dedup.models import DuplicateRow, FingerprintRow, MatchRow
from mizzap_dedup.search import Search
from mizzap_dedup.service import Dedup
from mizzap_dedup.settings import DedupSettings
from mizzap_dedup.spaces import thresholds_of
from mizzap_dedup.vectors import Collections, Vectors
from PIL import Image
from qdrant_client import AsyncQdrantClient
from sqlalchemy import select

Scene = Callable[[int], npt.NDArray[np.uint8]]
_photo_ids = count(2**40)
_user_ids = count(2**20)


class HeldVectors(Vectors):
    """Writing waits for `go_on`."""

    def open(self) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def put(self, user_id: int, photo_id: int, vector: Sequence[float]) -> None:
        self.reached.set()
        await self.go_on.wait()
        await super().put(user_id, photo_id, vector)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    found = choose_bundle("development", None)
    if found is None:
        pytest.skip("no embedding model is installed")
    return found


@pytest.fixture(scope="module")
def settings(
    nats_url: str, s3_settings: testing.Store, qdrant_url: str, make_database: Callable[[str], str]
) -> DedupSettings:
    url = make_database("dedup_races")
    migrations.upgrade("mizzap_dedup", url)
    return testing.settings_for(DedupSettings, nats_url, s3_settings, url, qdrant_url=qdrant_url)


@pytest.fixture(scope="module")
async def pool(bundle: Bundle) -> AsyncIterator[DecodePool]:
    pool = DecodePool(1, initializer=load, initargs=(bundle,))
    await pool.start()
    yield pool
    await pool.close()


@pytest.fixture(scope="module")
async def client(qdrant_url: str) -> AsyncIterator[AsyncQdrantClient]:
    client = AsyncQdrantClient(url=qdrant_url)
    yield client
    await client.close()


@pytest.fixture
async def held(client: AsyncQdrantClient, bundle: Bundle) -> HeldVectors:
    vectors = HeldVectors(client, collection_name(bundle), bundle.dimensions)
    await vectors.prepare()
    vectors.open()
    return vectors


def made(database: Database, storage: Storage, pool: DecodePool, vectors: Vectors, bundle: Bundle) -> Dedup:
    search = Search(database, storage, pool, vectors, thresholds_of(bundle.id))
    model = duplicating.Model(id=bundle.id, dimensions=bundle.dimensions)
    return Dedup(database, storage, pool, search, Collections(vectors.client), vectors, model)


@pytest.fixture
def late(database: Database, storage: Storage, pool: DecodePool, held: HeldVectors, bundle: Bundle) -> Dedup:
    """Stands still before it writes a vector."""
    return made(database, storage, pool, held, bundle)


@pytest.fixture
def dedup(
    database: Database, storage: Storage, pool: DecodePool, client: AsyncQdrantClient, held: HeldVectors, bundle: Bundle
) -> Dedup:
    return made(database, storage, pool, Vectors(client, held.collection, held.dimensions), bundle)


@pytest.fixture
async def user_id(database: Database) -> int:
    """A user who has agreed to AI."""
    user_id = next(_user_ids)
    await testing.told_ai_consent(database, user_id)
    return user_id


async def upload(
    storage: Storage, user_id: int, pixels: npt.NDArray[np.uint8], quality: int = 90
) -> events.PhotoUploaded:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    sha256 = hashlib.sha256(file.getvalue()).hexdigest()
    key = original_key(user_id, sha256)
    await storage.put(key, file.getvalue(), "image/jpeg")
    return events.PhotoUploaded(
        user_id=user_id,
        photo_id=next(_photo_ids),
        sha256=sha256,
        object_key=key,
        mime_type="image/jpeg",
        size_bytes=len(file.getvalue()),
    )


def coming(event: catalog.Event[events.PhotoUploaded] | catalog.Event[events.PhotoDeleted]) -> Delivery:
    return Delivery(event.durable("dedup"), uuid4())


async def forget(dedup: Dedup, photo: events.PhotoUploaded) -> None:
    gone = events.PhotoDeleted.model_validate(photo.model_dump())
    await dedup.forget(gone, coming(catalog.PHOTO_DELETED))


async def rows_of(database: Database, table, *conditions):
    async with database.begin() as session:
        return (await session.execute(select(table).where(*conditions))).all()


async def nothing_is_left(dedup: Dedup, photo: events.PhotoUploaded) -> None:
    assert dedup.vectors is not None
    assert await dedup.vectors.get(photo.user_id, [photo.photo_id]) == {}
    assert await rows_of(dedup.database, FingerprintRow, FingerprintRow.photo_id == photo.photo_id) == []
    told = await rows_of(dedup.database, OUTBOX, OUTBOX.c.about == photo.about)
    assert [row.subject for row in told] == []


async def deleted_while_processing(late: Dedup, held: HeldVectors, dedup: Dedup, photo) -> Delivery:
    """The worker stands before its vector while the photo is deleted; then it goes on."""
    delivery = coming(catalog.PHOTO_UPLOADED)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(late.fingerprint(photo, delivery))
        await held.reached.wait()
        await forget(dedup, photo)
        held.go_on.set()
    return delivery


async def test_a_late_worker_takes_its_vector_back(late, held, dedup, storage, user_id, scene: Scene) -> None:
    photo = await upload(storage, user_id, scene(1))
    delivery = await deleted_while_processing(late, held, dedup, photo)
    await nothing_is_left(dedup, photo)
    # it is handled, not tried again for ever
    assert await rows_of(dedup.database, INBOX, INBOX.c.event_id == delivery.event_id)


async def test_without_a_second_look_for_the_tombstone_a_vector_stays(
    late, held, dedup, storage, user_id, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: a worker that doesn't ask whether the photo was deleted. The check above must see it."""

    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(tombstones, "is_buried", never)
    photo = await upload(storage, user_id, scene(2))
    await deleted_while_processing(late, held, dedup, photo)
    with pytest.raises(AssertionError):
        await nothing_is_left(dedup, photo)


async def test_a_worker_that_was_overtaken_leaves_no_vector_of_a_deleted_photo(
    late, held, dedup, storage, user_id, scene: Scene
) -> None:
    """The broker took it for dead and gave the event to another, which settled it; then the photo was deleted."""
    photo = await upload(storage, user_id, scene(3))
    delivery = coming(catalog.PHOTO_UPLOADED)
    slow = asyncio.create_task(late.fingerprint(photo, delivery))
    async with asyncio.timeout(60):
        await held.reached.wait()
        await dedup.fingerprint(photo, delivery)
        await forget(dedup, photo)
        held.go_on.set()
        with pytest.raises(AlreadyHandled):
            await slow
    assert dedup.vectors is not None
    assert await dedup.vectors.get(user_id, [photo.photo_id]) == {}
    assert await rows_of(dedup.database, FingerprintRow, FingerprintRow.photo_id == photo.photo_id) == []


async def test_an_overtaken_worker_doubles_nothing(late, held, dedup, storage, user_id, scene: Scene) -> None:
    await dedup.fingerprint(await upload(storage, user_id, scene(4), 95), coming(catalog.PHOTO_UPLOADED))
    photo = await upload(storage, user_id, scene(4), 60)
    delivery = coming(catalog.PHOTO_UPLOADED)
    slow = asyncio.create_task(late.fingerprint(photo, delivery))
    async with asyncio.timeout(60):
        await held.reached.wait()
        await dedup.fingerprint(photo, delivery)
        held.go_on.set()
        with pytest.raises(AlreadyHandled):
            await slow
    subjects = [row.subject for row in await rows_of(dedup.database, OUTBOX, OUTBOX.c.about == photo.about)]
    assert sorted(subjects) == ["photo.embedded", "photo.fingerprinted"]
    assert len(await rows_of(dedup.database, DuplicateRow, DuplicateRow.user_id == user_id)) == 1


async def test_two_that_search_at_the_same_moment_make_one_pair(
    dedup, storage, user_id, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither searches before both are about to: each has to be findable by then, and the pair is made once."""
    one, other = await upload(storage, user_id, scene(5), 95), await upload(storage, user_id, scene(5), 60)
    search, both = dedup.search.matches, asyncio.Barrier(2)

    async def search_together(*arguments):
        await both.wait()
        return await search(*arguments)

    monkeypatch.setattr(dedup.search, "matches", search_together)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for photo in (one, other):
            group.create_task(dedup.fingerprint(photo, coming(catalog.PHOTO_UPLOADED)))
    assert len(await rows_of(dedup.database, MatchRow, MatchRow.user_id == user_id)) == 1
    assert len(await rows_of(dedup.database, DuplicateRow, DuplicateRow.user_id == user_id)) == 1
    detected = (OUTBOX.c.subject == "duplicate.detected", OUTBOX.c.payload.contains(f'"userId":{user_id},'))
    assert len(await rows_of(dedup.database, OUTBOX, *detected)) == 1


async def test_a_partner_that_is_deleted_meanwhile_is_no_duplicate(
    late, held, dedup, storage, user_id, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found by the search, and gone before the pair is written."""
    partner, photo = await upload(storage, user_id, scene(6), 95), await upload(storage, user_id, scene(6), 60)
    await dedup.fingerprint(partner, coming(catalog.PHOTO_UPLOADED))
    search, found = dedup.search.matches, []

    async def slow_search(*arguments):
        matches = await search(*arguments)
        found.append(matches)
        await forget(dedup, partner)
        return matches

    monkeypatch.setattr(dedup.search, "matches", slow_search)
    await dedup.fingerprint(photo, coming(catalog.PHOTO_UPLOADED))
    assert [set(matches) for matches in found] == [{partner.photo_id}]
    assert await rows_of(dedup.database, MatchRow, MatchRow.user_id == user_id) == []
    assert await rows_of(dedup.database, DuplicateRow, DuplicateRow.user_id == user_id) == []
    told = await rows_of(dedup.database, OUTBOX, OUTBOX.c.about == photo.about)
    assert "photo.fingerprinted" in [row.subject for row in told]
