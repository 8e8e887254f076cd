"""Deleting races with processing: whoever comes late, nothing of a deleted photo stays."""

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from mizzap_common import outbox, testing, tombstones
from mizzap_common.contracts import catalog, events, library
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.inbox import AlreadyHandled, Delivery
from mizzap_common.storage import Storage, rendition_prefix
from mizzap_common.tables import INBOX, OUTBOX
from mizzap_thumbs.app import build
from mizzap_thumbs.service import Thumbs
from mizzap_thumbs.settings import ThumbsSettings
from sqlalchemy import select

USER = 51


class LateStorage(Storage):
    """A store whose first object waits on its way: the worker behind it is late."""

    def __init__(self, settings: ThumbsSettings) -> None:
        super().__init__(settings)
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        self.reached.set()
        await self.go_on.wait()
        await super().put(key, data, content_type)


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[DecodePool]:
    pool = DecodePool(1)
    await pool.start()
    yield pool
    await pool.close()


@pytest.fixture
def thumbs(database: Database, storage: Storage, pool: DecodePool) -> Thumbs:
    return Thumbs(database, storage, pool)


@pytest.fixture
def late(database: Database, settings: ThumbsSettings, pool: DecodePool) -> tuple[Thumbs, LateStorage]:
    storage = LateStorage(settings)
    return Thumbs(database, storage, pool), storage


def delivery(event: catalog.Event) -> Delivery:
    return Delivery(event.durable("thumbs"), uuid4())


async def rows_of(database: Database, table, *conditions):
    async with database.begin() as session:
        return (await session.execute(select(table).where(*conditions))).all()


async def nothing_is_left(thumbs: Thumbs, photo: events.PhotoEvent) -> None:
    assert await thumbs.storage.list(rendition_prefix(photo.user_id, photo.photo_id)) == []
    with pytest.raises(NotFound):
        await thumbs.locate(library.LocateRendition(user_id=photo.user_id, photo_id=photo.photo_id))
    assert await rows_of(thumbs.database, OUTBOX, OUTBOX.c.about == photo.about) == []


async def deleted_while_processing(late: tuple[Thumbs, LateStorage], thumbs: Thumbs, photo, deletion) -> Delivery:
    """The worker stands before its first put while the photo is deleted; then it goes on."""
    worker, storage = late
    coming = delivery(catalog.PHOTO_UPLOADED)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(worker.make(photo, coming))
        await storage.reached.wait()
        await thumbs.forget(deletion, delivery(catalog.PHOTO_DELETED))
        storage.go_on.set()
    return coming


async def test_a_late_worker_takes_its_objects_back(late, thumbs, upload, photo, deletion_of):
    uploaded = await upload(photo(), USER)
    coming = await deleted_while_processing(late, thumbs, uploaded, deletion_of(uploaded))
    await nothing_is_left(thumbs, uploaded)
    # it is handled, not tried again for ever
    assert await rows_of(thumbs.database, INBOX, INBOX.c.event_id == coming.event_id)


async def test_without_a_second_look_the_race_leaves_objects(late, thumbs, upload, photo, deletion_of, monkeypatch):
    """The mutant: a worker that doesn't look for the tombstone again. The check above must see it."""

    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(tombstones, "is_buried", never)
    uploaded = await upload(photo(), USER)
    await deleted_while_processing(late, thumbs, uploaded, deletion_of(uploaded))
    with pytest.raises(AssertionError):
        await nothing_is_left(thumbs, uploaded)


async def test_a_worker_overtaken_by_another_takes_its_objects_back(late, thumbs, upload, photo, deletion_of):
    """The broker gave the event to a second worker, the photo was processed and deleted, and only then it goes on."""
    worker, storage = late
    uploaded = await upload(photo(), USER)
    coming = delivery(catalog.PHOTO_UPLOADED)
    async with asyncio.timeout(20):
        overtaken = asyncio.create_task(worker.make(uploaded, coming))
        await storage.reached.wait()
        await thumbs.make(uploaded, coming)
        await thumbs.forget(deletion_of(uploaded), delivery(catalog.PHOTO_DELETED))
        storage.go_on.set()
        with pytest.raises(AlreadyHandled):
            await overtaken
    assert await thumbs.storage.list(rendition_prefix(USER, uploaded.photo_id)) == []


async def test_a_deletion_that_was_cut_short_is_made_whole(thumbs, upload, photo, deletion_of, monkeypatch):
    uploaded = await upload(photo(), USER)
    await thumbs.make(uploaded, delivery(catalog.PHOTO_UPLOADED))
    deleting = delivery(catalog.PHOTO_DELETED)
    with monkeypatch.context() as cut:

        async def crash(*_: str) -> None:
            raise OSError

        cut.setattr(thumbs.storage, "remove", crash)
        with pytest.raises(OSError):
            await thumbs.forget(deletion_of(uploaded), deleting)
    assert len(await thumbs.storage.list(rendition_prefix(USER, uploaded.photo_id))) == 3

    await thumbs.forget(deletion_of(uploaded), deleting)

    assert await thumbs.storage.list(rendition_prefix(USER, uploaded.photo_id)) == []


async def test_an_original_that_is_gone_with_its_photo_ends_the_work(thumbs, upload, photo, deletion_of):
    uploaded = await upload(photo(), USER)
    await thumbs.forget(deletion_of(uploaded), delivery(catalog.PHOTO_DELETED))
    await thumbs.storage.remove(uploaded.object_key)
    await thumbs.make(uploaded, delivery(catalog.PHOTO_UPLOADED))
    await nothing_is_left(thumbs, uploaded)


async def test_an_original_that_is_missing_is_asked_for_again(thumbs, upload, photo):
    uploaded = await upload(photo(), USER)
    await thumbs.storage.remove(uploaded.object_key)
    coming = delivery(catalog.PHOTO_UPLOADED)
    with pytest.raises(NotFound):
        await thumbs.make(uploaded, coming)
    assert await rows_of(thumbs.database, INBOX, INBOX.c.event_id == coming.event_id) == []


async def test_a_crash_before_the_commit_changes_nothing(thumbs, upload, photo, monkeypatch):
    uploaded = await upload(photo(), USER)
    coming = delivery(catalog.PHOTO_UPLOADED)
    with monkeypatch.context() as cut:

        async def crash(*_: object) -> None:
            raise OSError

        cut.setattr(outbox, "add", crash)
        with pytest.raises(OSError):
            await thumbs.make(uploaded, coming)
    with pytest.raises(NotFound):
        await thumbs.locate(library.LocateRendition(user_id=USER, photo_id=uploaded.photo_id))

    await thumbs.make(uploaded, coming)

    assert await thumbs.locate(library.LocateRendition(user_id=USER, photo_id=uploaded.photo_id))
    assert len(await rows_of(thumbs.database, OUTBOX, OUTBOX.c.about == uploaded.about)) == 1


async def test_a_storm_of_uploads_and_deletions_leaves_no_orphan(bus, settings, storage, upload, photo, deletion_of):
    """Every photo is deleted at a random moment of its processing, some before their upload is even told."""
    chance = random.Random(3)
    photos = [await upload(photo(), user_id=61) for _ in range(40)]
    told = [(chance.random(), catalog.PHOTO_UPLOADED, one) for one in photos]
    told += [(chance.random(), catalog.PHOTO_DELETED, deletion_of(one)) for one in photos]
    async with testing.running(build(settings)):
        for _, event, payload in sorted(told, key=lambda entry: entry[0]):
            await testing.publish_event(bus.jetstream, event, payload)
        await testing.all_handled(bus.jetstream, "thumbs", seconds=60)
    assert await storage.list("user-61/thumbnails/") == []
    assert await testing.dead_letters(bus.jetstream) == 0
