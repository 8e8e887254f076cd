"""Erasing a user races with processing: whoever comes late, nothing of an erased user stays."""

import asyncio
from uuid import uuid4

from mizzap_common import testing, tombstones
from mizzap_common.contracts import catalog, events
from mizzap_common.erasure import Erasure
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.inbox import AlreadyHandled, Delivery
from mizzap_common.storage import rendition_prefix
from mizzap_thumbs.models import metadata
from mizzap_thumbs.service import Thumbs

from services.thumbs.tests.test_deletion import LateStorage

USER = 71


async def erased_while_processing(database, storage, settings, uploaded: events.PhotoUploaded) -> None:
    """The worker stands before its first put while the user is erased; then it goes on."""
    pool, held = DecodePool(1), LateStorage(settings)
    await pool.start()
    try:
        worker = Thumbs(database, held, pool)
        coming = Delivery(catalog.PHOTO_UPLOADED.durable("thumbs"), uuid4(), user_id=uploaded.user_id)
        erasure = Erasure(database, metadata, catalog.THUMBS_ERASED)
        asked = events.UserErasureRequested(user_id=uploaded.user_id, erasure_id="e", asked=1)
        async with asyncio.timeout(30):
            late = asyncio.create_task(worker.make(uploaded, coming))
            await held.reached.wait()
            await erasure.erase(asked, Delivery("thumbs-erasure", uuid4()))
            held.go_on.set()
            try:
                await late
            except AlreadyHandled:
                return
    finally:
        await pool.close()


async def test_a_late_worker_takes_its_objects_back(database, storage, settings, upload, photo) -> None:
    uploaded = await upload(photo(), USER)
    await erased_while_processing(database, storage, settings, uploaded)
    assert await storage.list(rendition_prefix(USER, uploaded.photo_id)) == []


async def test_without_a_look_for_the_user_they_stay(database, storage, settings, upload, photo, monkeypatch) -> None:
    """The mutant: nobody looks whether the user is gone. The check above must see it."""

    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(tombstones, "is_user_buried", never)
    uploaded = await upload(photo(), USER + 1)
    await erased_while_processing(database, storage, settings, uploaded)
    assert len(await storage.list(rendition_prefix(USER + 1, uploaded.photo_id))) == 3


async def test_renditions_go_and_those_of_others_stay(bus, service, storage, upload, photo) -> None:
    mine, theirs = await upload(photo(), USER + 2), await upload(photo(), USER + 3)
    for uploaded in (mine, theirs):
        await testing.publish_event(bus.jetstream, catalog.PHOTO_UPLOADED, uploaded)
    await testing.all_handled(bus.jetstream, "thumbs")
    asked = events.UserErasureRequested(user_id=mine.user_id, erasure_id="e", asked=1)
    await testing.publish_event(bus.jetstream, catalog.USER_ERASURE_REQUESTED, asked)
    await testing.all_handled(bus.jetstream, "thumbs")

    async def receipts() -> list[events.ErasureReceipt]:
        told = await testing.published(bus.jetstream, catalog.THUMBS_ERASED)
        return [receipt for receipt in told if receipt.user_id == mine.user_id]

    (receipt,) = await testing.eventually(receipts)
    assert receipt.objects == 3 and receipt.rows >= 3
    assert await storage.list(f"user-{mine.user_id}/thumbnails/") == []
    assert len(await storage.list(f"user-{mine.user_id}/")) == 1, "the original is the photos service's"
    assert len(await storage.list(f"user-{theirs.user_id}/thumbnails/")) == 3
