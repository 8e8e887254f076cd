"""A photo keeps no score that was made under a consent that was withdrawn, whatever the order of what is told."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mizzap_common import migrations, testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events, library, requests
from mizzap_common.storage import Storage, original_key
from mizzap_photos.app import build
from mizzap_photos.settings import PhotosSettings
from PIL import Image

_users = count(2**33)


@dataclass
class World:
    bus: Bus
    storage: Storage
    user: int

    async def upload(self, seed: int = 1) -> int:
        pixels = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG")
        data = buffer.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        await self.storage.put(original_key(self.user, sha256), data, "image/jpeg")
        question = library.RegisterPhoto(
            user_id=self.user, file_name="a.jpg", sha256=sha256, md5=hashlib.md5(data).hexdigest(),
            mime_type="image/jpeg", size_bytes=len(data),
        )  # fmt: skip
        return (await self.bus.ask(requests.PHOTOS_REGISTER, question)).photo.id

    async def tell(self, event: catalog.Event[Any], **payload: Any) -> None:
        await testing.publish_event(self.bus.jetstream, event, event.payload(user_id=self.user, **payload))
        await testing.all_handled(self.bus.jetstream, "photos")

    async def say(self, granted: bool, change: int, purpose: str = "ai") -> None:
        await self.tell(catalog.CONSENT_CHANGED, purpose=purpose, version="1", granted=granted, change=change)

    async def scored(self, photo_id: int, score: float, under: int) -> None:
        await self.tell(catalog.PHOTO_SCORED, photo_id=photo_id, quality_score=score, consent_change=under)

    async def photo(self, photo_id: int) -> library.Photo:
        return await self.bus.ask(requests.PHOTOS_GET, library.PhotoRequest(user_id=self.user, photo_id=photo_id))


@pytest.fixture(scope="module")
async def service(
    nats_url: str, s3_settings: testing.Store, make_database: Callable[[str], str], key_ring_file: Path
) -> AsyncIterator[tuple[Bus, Storage]]:
    url = make_database("photos_consent")
    await asyncio.to_thread(migrations.upgrade, "mizzap_photos", url)
    settings = testing.settings_for(
        PhotosSettings, nats_url, s3_settings, url, workers=1, sweep_interval_seconds=3600, key_ring_file=key_ring_file
    )
    async with testing.outsider(nats_url) as bus, testing.running(build(settings)):
        yield bus, Storage(settings)


@pytest.fixture
def world(service: tuple[Bus, Storage]) -> World:
    return World(*service, user=next(_users))


async def test_a_photo_without_ai_is_processed(world: World) -> None:
    photo_id = await world.upload()
    await world.tell(catalog.PHOTO_THUMBNAILED, photo_id=photo_id, renditions=[])
    await world.tell(catalog.PHOTO_FINGERPRINTED, photo_id=photo_id, perceptual_hash="f" * 16)
    await world.tell(catalog.SCORE_SKIPPED, photo_id=photo_id, reason="no_ai_consent")
    photo = await world.photo(photo_id)
    assert (photo.status, photo.quality_score) == ("processed", None)
    jobs = await world.bus.ask(requests.PHOTOS_JOBS, library.ListJobs(user_id=world.user))
    assert {job.status for job in jobs.jobs} == {"completed"}


async def test_withdrawing_takes_the_scores(world: World) -> None:
    photo_id = await world.upload()
    await world.say(True, 5)
    await world.scored(photo_id, 0.5, under=5)
    await world.say(False, 6, purpose="marketing")
    assert (await world.photo(photo_id)).quality_score == 0.5
    await world.say(False, 7)
    assert (await world.photo(photo_id)).quality_score is None
    # one that was made before and comes late
    await world.scored(photo_id, 0.6, under=5)
    assert (await world.photo(photo_id)).quality_score is None


async def test_a_score_may_come_before_the_consent_that_it_was_made_under(world: World) -> None:
    photo_id = await world.upload()
    await world.say(True, 5)
    await world.scored(photo_id, 0.7, under=9)
    await world.say(False, 7)
    await world.say(True, 9)
    assert (await world.photo(photo_id)).quality_score == 0.7


@pytest.mark.parametrize(("event", "step"), [(catalog.SCORE_ALLOWED, "ai_score"), (catalog.EMBEDDING_ALLOWED, "dedup")])
async def test_what_was_left_out_is_asked_for_again(world: World, event: catalog.Event[Any], step: str) -> None:
    photo_id = await world.upload()
    await world.tell(event, photo_ids=[photo_id, 10**12])

    async def requested() -> list[events.ProcessingRequested]:
        found = await testing.published(world.bus.jetstream, catalog.PROCESSING_REQUESTED)
        return [request for request in found if request.user_id == world.user]

    [request] = await testing.eventually(requested)
    photo = await world.photo(photo_id)
    assert (request.photo_id, request.sha256, request.steps) == (photo_id, photo.sha256, [step])
    assert request.object_key == original_key(world.user, photo.sha256)
