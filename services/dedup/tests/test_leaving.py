"""What the dedup service does when a user or a photo leaves: hands out the pairs, removes rows and every model's vectors."""

import asyncio
from uuid import uuid4

import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog, events, exporting, requests
from mizzap_common.erasure import Erasure
from mizzap_common.inbox import AlreadyHandled, Delivery
from mizzap_dedup.models import FingerprintRow, metadata
from mizzap_dedup.vectors import Collections
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


async def test_pairs_are_handed_out_and_everything_goes(world, elsewhere, scene) -> None:
    pixels = scene(21)
    first, second = await world.add(services.encoded(pixels, quality=95), services.encoded(pixels, quality=60))
    (pair,) = await world.pairs()
    await world.act(pair.id, "kept_both")
    page = await world.bus.ask(requests.DEDUP_EXPORT, exporting.ExportPageRequest(user_id=world.user))
    (item,) = page.items
    assert (page.file, page.next_cursor, item["action"]) == ("duplicates.jsonl", None, "kept_both")
    assert {item["primaryPhotoId"], item["duplicatePhotoId"]} == {first, second}

    await elsewhere.put(world.user, first)
    asked = events.UserErasureRequested(user_id=world.user, erasure_id="e", asked=1)
    await testing.publish_event(world.bus.jetstream, catalog.USER_ERASURE_REQUESTED, asked)
    await testing.all_handled(world.bus.jetstream, "dedup")
    assert await elsewhere.left() == [set(), {first}]
    assert await world.pairs() == [] and await world.embedded([first, second]) == set()
    (receipt,) = await testing.eventually(lambda: testing.published(world.bus.jetstream, catalog.DEDUP_ERASED))
    assert receipt.rows >= 5


async def test_a_deleted_photo_s_vectors_go_from_earlier_models_collections_too(world, elsewhere) -> None:
    deleted, kept, theirs = photos = [world.user * 10 + number for number in range(3)]
    await elsewhere.put(world.user, deleted, kept)
    await elsewhere.put(world.user + 2**40, theirs)
    await world.delete(deleted)
    assert await elsewhere.left() == [{kept, theirs}, set(photos)]
    await world.delete(theirs)
    assert await elsewhere.left() == [{kept, theirs}, set(photos)]


async def test_a_collection_that_goes_meanwhile_is_left_alone(client, elsewhere, user_id, monkeypatch) -> None:
    """An operator drops an old model's collection just when a user's vectors are looked for in it."""
    listed, gone = client.get_collections, elsewhere.names[0]

    async def dropped_once_listed() -> models.CollectionsResponse:
        found = await listed()
        await client.delete_collection(gone)
        return found

    monkeypatch.setattr(client, "get_collections", dropped_once_listed)
    await elsewhere.put(user_id, 1)
    assert gone in {found.name for found in (await listed()).collections}
    assert await Collections(client).remove_all(user_id) == 0
    assert not await client.collection_exists(gone)


async def test_a_late_worker_takes_its_vector_back(late, held, dedup, storage, user_id, scene) -> None:
    photo = await races.upload(storage, user_id, scene(22))
    delivery = Delivery(catalog.PHOTO_UPLOADED.durable("dedup"), uuid4(), user_id=user_id)
    erasure = Erasure(dedup.database, metadata, catalog.DEDUP_ERASED, dedup.collections.remove_all)
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
