"""What the dedup service does when a user leaves: hands out the pairs, and removes rows and vectors of every model."""

import asyncio
from uuid import uuid4

import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog, events, exporting, requests
from mizzap_common.erasure import Erasure
from mizzap_common.inbox import AlreadyHandled, Delivery
from mizzap_dedup.models import FingerprintRow, metadata
from mizzap_dedup.vectors import OWNER
from qdrant_client import models

from services.dedup.tests import test_races as races
from services.dedup.tests import test_service as services
from services.dedup.tests.test_races import (
    bundle,
    client,
    dedup,
    held,
    late,
    pool,
    settings,
    user_id,
)
from services.dedup.tests.test_service import service, world

FIXTURES = (bundle, client, dedup, held, late, pool, service, settings, user_id, world)
COLLECTIONS = ("photos_a-model-of-old", "somebody_elses")


async def put_elsewhere(world) -> None:
    """A vector of a model that is not in use any more, and one in a collection that isn't ours."""
    for name in COLLECTIONS:
        parameters = models.VectorParams(size=2, distance=models.Distance.COSINE)
        await world.qdrant.create_collection(name, vectors_config=parameters)
        point = models.PointStruct(id=1, vector=[1.0, 0.0], payload={OWNER: str(world.user)})
        await world.qdrant.upsert(name, [point], wait=True)


async def count(world, collection: str) -> int:
    return (await world.qdrant.count(collection, exact=True)).count


async def test_pairs_are_handed_out_and_everything_goes(world, scene) -> None:
    pixels = scene(21)
    first, second = await world.add(services.encoded(pixels, quality=95), services.encoded(pixels, quality=60))
    (pair,) = await world.pairs()
    await world.act(pair.id, "kept_both")
    page = await world.bus.ask(requests.DEDUP_EXPORT, exporting.ExportPageRequest(user_id=world.user))
    (item,) = page.items
    assert (page.file, page.next_cursor, item["action"]) == ("duplicates.jsonl", None, "kept_both")
    assert {item["primaryPhotoId"], item["duplicatePhotoId"]} == {first, second}

    await put_elsewhere(world)
    asked = events.UserErasureRequested(user_id=world.user, erasure_id="e", asked=1)
    await testing.publish_event(world.bus.jetstream, catalog.USER_ERASURE_REQUESTED, asked)
    await testing.all_handled(world.bus.jetstream, "dedup")
    assert [await count(world, name) for name in COLLECTIONS] == [0, 1]
    assert await world.pairs() == [] and await world.embedded([first, second]) == set()
    (receipt,) = await testing.eventually(lambda: testing.published(world.bus.jetstream, catalog.DEDUP_ERASED))
    assert receipt.rows >= 5
    for name in COLLECTIONS:
        await world.qdrant.delete_collection(name)


async def test_a_late_worker_takes_its_vector_back(late, held, dedup, storage, user_id, scene) -> None:
    photo = await races.upload(storage, user_id, scene(22))
    delivery = Delivery(catalog.PHOTO_UPLOADED.durable("dedup"), uuid4(), user_id=user_id)
    erasure = Erasure(dedup.database, metadata, catalog.DEDUP_ERASED, dedup.vectors.remove_all)
    asked = events.UserErasureRequested(user_id=user_id, erasure_id="e", asked=1)
    async with asyncio.timeout(60):
        slow = asyncio.create_task(late.fingerprint(photo, delivery))
        await held.reached.wait()
        await erasure.erase(asked, Delivery("dedup-erasure", uuid4()))
        held.go_on.set()
        with pytest.raises(AlreadyHandled):
            await slow
    assert await dedup.vectors.get(user_id, [photo.photo_id]) == {}
    assert await races.rows_of(dedup.database, FingerprintRow, FingerprintRow.photo_id == photo.photo_id) == []
