"""The dedup service on the real servers: what it finds, what it tells, what a deletion takes along."""

import asyncio
import hashlib
import io
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from mizzap_common import migrations
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, duplicating, events, library, requests
from mizzap_common.errors import NotFound
from mizzap_common.settings import Settings
from mizzap_common.storage import Storage, original_key
from mizzap_common.testing import (
    Store,
    all_handled,
    dead_letters,
    eventually,
    outsider,
    publish_event,
    published,
    running,
    settings_for,
)
from mizzap_dedup.app import build
from mizzap_dedup.service import human_size
from mizzap_dedup.settings import DedupSettings
from PIL import Image
from qdrant_client import AsyncQdrantClient

from services.dedup.tests.worlds import vectors_of

Pixels = npt.NDArray[np.uint8]
Scene = Callable[[int], Pixels]
_numbers = itertools.count(1)
_users = itertools.count(1)


def encoded(pixels: Pixels, form: str = "JPEG", taken: str | None = None, **options: object) -> bytes:
    exif = Image.Exif()
    if taken:
        exif[0x0110], exif[0x0132] = "Pixel 9", taken
        exif.get_ifd(0x8769)[0x9003] = taken
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, exif=exif, **options)
    return buffer.getvalue()


@dataclass
class World:
    """The running service, seen by one user."""

    bus: Bus
    storage: Storage
    qdrant: AsyncQdrantClient
    user: int = field(default_factory=_users.__next__)

    async def agree(self) -> None:
        agreed = events.ConsentChanged(user_id=self.user, purpose="ai", version="1", granted=True, change=1)
        await publish_event(self.bus.jetstream, catalog.CONSENT_CHANGED, agreed)
        await all_handled(self.bus.jetstream, "dedup")

    async def store(self, data: bytes) -> events.PhotoUploaded:
        sha256 = hashlib.sha256(data).hexdigest()
        key = original_key(self.user, sha256)
        await self.storage.put(key, data, "image/jpeg")
        return events.PhotoUploaded(
            photo_id=next(_numbers), user_id=self.user, sha256=sha256, object_key=key, mime_type="image/jpeg",
            size_bytes=len(data),
        )  # fmt: skip

    async def add(self, *files: bytes) -> list[int]:
        photos = [await self.store(data) for data in files]
        await asyncio.gather(*(publish_event(self.bus.jetstream, catalog.PHOTO_UPLOADED, photo) for photo in photos))
        await all_handled(self.bus.jetstream, "dedup", 60)
        return [photo.photo_id for photo in photos]

    async def delete(self, photo_id: int) -> None:
        gone = events.PhotoDeleted(photo_id=photo_id, user_id=self.user, sha256="0" * 64, object_key="x")
        await publish_event(self.bus.jetstream, catalog.PHOTO_DELETED, gone)
        await all_handled(self.bus.jetstream, "dedup")

    async def told(self, event: catalog.Event[events.UserEvent]) -> list[Any]:
        """What the service has published about this user."""
        return [payload for payload in await published(self.bus.jetstream, event) if payload.user_id == self.user]

    async def groups(self) -> list[duplicating.Group]:
        return (await self.bus.ask(requests.DEDUP_GROUPS, duplicating.ListGroups(user_id=self.user))).groups

    async def pairs(self) -> list[duplicating.Duplicate]:
        return (await self.bus.ask(requests.DEDUP_LIST, duplicating.ListDuplicates(user_id=self.user))).duplicates

    async def act(self, duplicate_id: int, action: str) -> duplicating.Duplicate:
        request = duplicating.ActOnDuplicate(user_id=self.user, duplicate_id=duplicate_id, action=action)
        return await self.bus.ask(requests.DEDUP_ACT, request)

    async def embedded(self, photo_ids: list[int]) -> set[int]:
        request = duplicating.EmbeddingsRequest(user_id=self.user, photo_ids=photo_ids)
        return {found.photo_id for found in (await self.bus.ask(requests.DEDUP_EMBEDDINGS, request)).embeddings}

    async def vectors(self) -> set[int]:
        return await vectors_of(self.qdrant, self.user)


@pytest.fixture(scope="module")
async def service(
    nats_url: str, s3_settings: Store, qdrant_url: str, make_database: Callable[[str], str]
) -> AsyncIterator[World]:
    url = make_database("dedup")
    await asyncio.to_thread(migrations.upgrade, "mizzap_dedup", url)
    settings = settings_for(DedupSettings, nats_url, s3_settings, url, workers=1, qdrant_url=qdrant_url)
    client = AsyncQdrantClient(url=qdrant_url)
    async with outsider(nats_url) as bus, running(build(settings)):
        yield World(bus, Storage(settings_for(Settings, nats_url, s3_settings)), client)
    await client.close()


@pytest.fixture
async def world(service: World) -> World:
    """A user of one's own, who has agreed to AI: nothing of other tests is seen."""
    world = World(service.bus, service.storage, service.qdrant)
    await world.agree()
    return world


def test_the_models_are_what_the_migrations_make(make_database: Callable[[str], str]) -> None:
    url = make_database("dedup_migrations")
    migrations.upgrade("mizzap_dedup", url)
    migrations.check("mizzap_dedup", url)


async def test_copies_are_found_with_their_reasons(world: World, scene: Scene) -> None:
    data = encoded(scene(1), quality=95, taken="2024:05:06 07:08:09")
    sent = encoded(np.asarray(Image.fromarray(scene(1)).resize((256, 192))), quality=70)
    original, exact, small, other = await world.add(data, data, sent, encoded(scene(2)))
    (group,) = await world.groups()
    assert (group.keeper, set(group.members)) == (original, {original, exact, small})
    assert group.lane == "near" and other not in group.members
    lanes = {pair.duplicate_photo_id: (pair.lane, pair.match_type) for pair in await world.pairs()}
    assert lanes == {exact: ("exact", "exact"), small: ("near", "perceptual")}
    assert all(pair.reasons and pair.primary_photo_id == original for pair in await world.pairs())
    told = await world.told(catalog.DUPLICATE_DETECTED)
    assert {event.duplicate_photo_id for event in told} >= {exact, small}
    hashed = await world.told(catalog.PHOTO_FINGERPRINTED)
    assert sorted(event.photo_id for event in hashed) == [original, exact, small, other]
    assert all(event.began_at for event in hashed)


async def test_two_shots_are_no_duplicates_however_alike(world: World, scene: Scene) -> None:
    frames = [encoded(scene(1), quality=90 + n, taken=f"2024:05:06 07:08:0{n}") for n in range(3)]
    await world.add(*frames)
    assert await world.groups() == []


async def test_photos_that_arrive_together_find_each_other(world: World, scene: Scene) -> None:
    for seed in range(5):
        before = len(await world.pairs())
        await world.add(encoded(scene(20 + seed), quality=95), encoded(scene(20 + seed), quality=60))
        assert len(await world.pairs()) == before + 1


async def test_another_users_copy_is_nobodys_duplicate(world: World, scene: Scene) -> None:
    stranger = World(world.bus, world.storage, world.qdrant)
    await stranger.agree()
    mine = await world.add(encoded(scene(1)))
    theirs = await stranger.add(encoded(scene(1)), encoded(scene(1), quality=50))
    assert await world.groups() == []
    (pair,) = await stranger.pairs()
    answers = []
    for duplicate_id in (pair.id, 10**9):
        with pytest.raises(NotFound) as caught:
            await world.act(duplicate_id, "confirmed")
        answers.append((caught.value.code, caught.value.message))
    assert answers[0] == answers[1]
    assert await stranger.embedded([*mine, *theirs]) == set(theirs)


async def test_a_decision_is_kept(world: World, scene: Scene) -> None:
    a, b = await world.add(encoded(scene(1), quality=95), encoded(scene(1), quality=60))
    (pair,) = await world.pairs()
    assert (await world.act(pair.id, "rejected")).action == "rejected"
    assert await world.groups() == []
    (c,) = await world.add(encoded(scene(1), quality=40))
    together = [set(group.members) for group in await world.groups()]
    assert together and not any({a, b} <= members for members in together) and any(c in m for m in together)
    (told,) = await world.told(catalog.DUPLICATE_RESOLVED)
    assert (told.duplicate_id, told.action) == (pair.id, "rejected")


async def test_undoing_a_decision_brings_the_pair_back(world: World, scene: Scene) -> None:
    await world.add(encoded(scene(1), quality=95), encoded(scene(1), quality=60))
    (pair,) = await world.pairs()
    await world.act(pair.id, "kept_both")
    assert await world.groups() == []
    assert (await world.act(pair.id, "pending")).action_date is None
    assert len(await world.groups()) == 1


async def test_a_deleted_keeper_leaves_the_others_their_group(world: World, scene: Scene) -> None:
    a, b, c = await world.add(*(encoded(scene(1), quality=quality) for quality in (95, 80, 60)))
    (group,) = await world.groups()
    await world.delete(group.keeper)
    (left,) = await world.groups()
    assert set(left.members) == {a, b, c} - {group.keeper}
    withdrawn = await world.told(catalog.DUPLICATE_WITHDRAWN)
    assert all(group.keeper in (event.primary_photo_id, event.duplicate_photo_id) for event in withdrawn)
    assert await world.vectors() == {a, b, c} - {group.keeper}
    for photo_id in left.members:
        await world.delete(photo_id)
    assert await world.pairs() == [] and await world.vectors() == set()


async def test_a_deletion_that_comes_first_leaves_nothing(world: World, scene: Scene) -> None:
    photo = await world.store(encoded(scene(1)))
    await world.delete(photo.photo_id)
    await publish_event(world.bus.jetstream, catalog.PHOTO_UPLOADED, photo)
    await all_handled(world.bus.jetstream, "dedup")
    assert await world.vectors() == set()
    assert await world.told(catalog.PHOTO_FINGERPRINTED) == []
    assert await dead_letters(world.bus.jetstream) == 0


async def test_a_confirmed_pair_moves_into_a_better_keepers_group(world: World, scene: Scene) -> None:
    a, b = await world.add(encoded(scene(1), quality=80), encoded(scene(1), quality=60))
    (pair,) = await world.pairs()
    await world.act(pair.id, "confirmed")
    (c,) = await world.add(encoded(scene(1), quality=95, taken="2024:05:06 07:08:09"))
    (group,) = await world.groups()
    assert (group.keeper, set(group.members)) == (c, {a, b, c})
    assert [found.action for found in await world.pairs() if found.id == pair.id] == ["confirmed"]
    await world.delete(c)
    (group,) = await world.groups()
    assert set(group.members) == {a, b}
    (kept,) = await world.pairs()
    assert (kept.id, kept.action) == (pair.id, "confirmed")


async def test_a_lost_collection_is_made_anew(world: World, scene: Scene) -> None:
    for collection in (await world.qdrant.get_collections()).collections:
        await world.qdrant.delete_collection(collection.name)
    added = await world.add(encoded(scene(1)))
    assert await world.embedded(added) == set(added)


async def test_what_is_no_photo_fails_its_step(world: World) -> None:
    await world.add(b"\xff\xd8\xff\xe0 no photo at all")
    (failed,) = await world.told(catalog.FINGERPRINT_FAILED)
    assert failed.code == "IMAGE_UNREADABLE" and failed.began_at


async def test_space_is_counted_once_for_a_shared_original(world: World, scene: Scene) -> None:
    big, small = encoded(scene(1), quality=95), encoded(scene(1), quality=60)
    await world.add(big, big, small, encoded(scene(2)))
    stats = await world.bus.ask(requests.DEDUP_STATS, library.UserRequest(user_id=world.user))
    assert (stats.total_duplicates, stats.space_to_free_bytes) == (2, len(small)), "the exact copy shares its bytes"
    assert stats.duplicate_percentage == 50.0


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (15_200_000_000, "15.2 GB")])
def test_sizes_are_for_people(size: int, text: str) -> None:
    assert human_size(size) == text


async def test_a_photo_is_fingerprinted_again_only_when_it_is_asked_for(world: World, scene: Scene) -> None:
    photo = await world.store(encoded(scene(1)))
    for steps, told in ((["thumbnail", "ai_score", "metadata_extract"], 0), (["dedup"], 1), (["dedup"], 2)):
        requested = events.ProcessingRequested(**photo.model_dump(), steps=steps)
        await publish_event(world.bus.jetstream, catalog.PROCESSING_REQUESTED, requested)
        await all_handled(world.bus.jetstream, "dedup", 60)
        hashed = await eventually_told(world, catalog.PHOTO_FINGERPRINTED, told)
        assert [event.photo_id for event in hashed] == [photo.photo_id] * told
    assert await world.vectors() == {photo.photo_id}


async def eventually_told(world: World, event: catalog.Event[events.UserEvent], count: int) -> list[Any]:
    """Acknowledged means committed; the relay may still be on its way."""

    async def enough() -> bool:
        return len(await world.told(event)) >= count

    await eventually(enough)
    return await world.told(event)
