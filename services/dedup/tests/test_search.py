"""Search by likeness: the ranking is the model's, and nobody's photos are anybody else's answer."""

import asyncio
import hashlib
import io
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from mizzap_common import migrations
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, duplicating, events, requests
from mizzap_common.db import Database
from mizzap_common.errors import Conflict
from mizzap_common.imaging.decode import open_rgb
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.models.bundle import load_bundle
from mizzap_common.models.embedder import Embedder
from mizzap_common.settings import Settings
from mizzap_common.storage import Storage, original_key
from mizzap_common.testing import Store, all_handled, outsider, publish_event, running, settings_for
from mizzap_dedup.app import build
from mizzap_dedup.finder import Finder
from mizzap_dedup.fingerprint import LONGEST_SIDE
from mizzap_dedup.settings import DedupSettings
from mizzap_dedup.vectors import Vectors
from PIL import Image
from qdrant_client import AsyncQdrantClient

from services.dedup.tests.bundles import make_bundle

Pixels = npt.NDArray[np.uint8]
Scene = Callable[[int], Pixels]
_numbers = itertools.count(1)
_users = itertools.count(10**6)


class World:
    """The running service, seen by one user; ``embedder`` is its model in the test's own hands."""

    def __init__(self, bus: Bus, storage: Storage, embedder: Embedder) -> None:
        self.bus = bus
        self.storage = storage
        self.embedder = embedder
        self.user = next(_users)

    async def add(self, *pictures: Pixels) -> dict[int, Pixels]:
        """By id, with the pixels that the service will see."""
        made: dict[int, Pixels] = {}
        for pixels in pictures:
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            data = buffer.getvalue()
            sha256 = hashlib.sha256(data).hexdigest()
            key = original_key(self.user, sha256)
            await self.storage.put(key, data, "image/png")
            photo = events.PhotoUploaded(
                photo_id=next(_numbers), user_id=self.user, sha256=sha256, object_key=key, mime_type="image/png",
                size_bytes=len(data),
            )  # fmt: skip
            await publish_event(self.bus.jetstream, catalog.PHOTO_UPLOADED, photo)
            made[photo.photo_id] = open_rgb(data, LONGEST_SIDE)
        await all_handled(self.bus.jetstream, "dedup", 60)
        return made

    async def by_text(self, text: str, limit: int = 20) -> duplicating.Ranking:
        request = duplicating.SearchByText(user_id=self.user, text=text, limit=limit)
        return await self.bus.ask(requests.DEDUP_SEARCH_TEXT, request)

    async def similar(self, photo_id: int, limit: int = 20) -> duplicating.Ranking:
        request = duplicating.SearchSimilar(user_id=self.user, photo_id=photo_id, limit=limit)
        return await self.bus.ask(requests.DEDUP_SIMILAR, request)


def expected(probe: npt.NDArray[np.float32], others: dict[int, npt.NDArray[np.float32]]) -> list[tuple[int, float]]:
    cosines = [(photo_id, float(probe @ vector)) for photo_id, vector in others.items()]
    return sorted(cosines, key=lambda found: -found[1])


@pytest.fixture(scope="module")
async def service(
    nats_url: str, s3_settings: Store, qdrant_url: str, make_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:  # fmt: skip
    url = make_database("search")
    await asyncio.to_thread(migrations.upgrade, "mizzap_dedup", url)
    model = make_bundle(tmp_path_factory.mktemp("model"))
    settings = settings_for(DedupSettings, nats_url, s3_settings, url, workers=1, qdrant_url=qdrant_url, model=model)
    async with outsider(nats_url) as bus, running(build(settings)):
        yield World(bus, Storage(settings_for(Settings, nats_url, s3_settings)), Embedder(load_bundle(model)))


@pytest.fixture
async def world(service: World) -> World:
    """A user of one's own, who has agreed to AI: nothing of other tests is seen."""
    made = World(service.bus, service.storage, service.embedder)
    agreed = events.ConsentChanged(user_id=made.user, purpose="ai", version="1", granted=True, change=1)
    await publish_event(made.bus.jetstream, catalog.CONSENT_CHANGED, agreed)
    await all_handled(made.bus.jetstream, "dedup")
    return made


async def test_a_text_ranks_photos_as_the_model_does(world: World, scene: Scene) -> None:
    photos = await world.add(*(scene(seed) for seed in range(6)))
    vectors = {photo_id: world.embedder.embed(pixels) for photo_id, pixels in photos.items()}
    orders = set()
    for text in ("Kitten", "  red   motel ", "palm kitten blue"):
        ranking = await world.by_text(text)
        wanted = expected(world.embedder.embed_text(text), vectors)
        assert ranking.model_id == "random-clip"
        assert [hit.photo_id for hit in ranking.hits] == [photo_id for photo_id, _ in wanted]
        assert [hit.score for hit in ranking.hits] == pytest.approx([cosine for _, cosine in wanted], abs=1e-4)
        orders.add(tuple(hit.photo_id for hit in ranking.hits))
        assert len((await world.by_text(text, limit=2)).hits) == 2
    assert len(orders) > 1, "the text decides"


async def test_a_photo_finds_those_that_look_like_it(world: World, scene: Scene) -> None:
    photos = await world.add(*(scene(seed) for seed in range(5)))
    vectors = {photo_id: world.embedder.embed(pixels) for photo_id, pixels in photos.items()}
    for photo_id, vector in vectors.items():
        others = {other: found for other, found in vectors.items() if other != photo_id}
        ranking = await world.similar(photo_id, limit=3)
        assert [hit.photo_id for hit in ranking.hits] == [other for other, _ in expected(vector, others)[:3]]


async def test_what_is_in_the_trash_is_not_found_until_it_comes_back(world: World, scene: Scene) -> None:
    first, second, third = await world.add(*(scene(seed) for seed in range(3)))

    async def found() -> tuple[set[int], set[int]]:
        by_text, by_photo = await world.by_text("kitten", limit=2), await world.similar(first, limit=2)
        return {hit.photo_id for hit in by_text.hits}, {hit.photo_id for hit in by_photo.hits}

    trashed = events.PhotoTrashed(photo_id=second, user_id=world.user, version=1)
    await publish_event(world.bus.jetstream, catalog.PHOTO_TRASHED, trashed)
    await all_handled(world.bus.jetstream, "dedup")
    assert await found() == ({first, third}, {third})
    restored = events.PhotoRestored(photo_id=second, user_id=world.user, version=2)
    await publish_event(world.bus.jetstream, catalog.PHOTO_RESTORED, restored)
    await all_handled(world.bus.jetstream, "dedup")
    assert (await found())[1] == {second, third}


async def test_a_photo_of_somebody_else_has_no_vector_for_me(world: World, scene: Scene) -> None:
    (theirs,) = await world.add(scene(1))
    answers = []
    world.user = next(_users)
    for photo_id in (theirs, 10**12):
        with pytest.raises(Conflict) as refused:
            await world.similar(photo_id)
        answers.append((refused.value.code, refused.value.message))
    assert answers[0] == answers[1] and answers[0][0] == "NO_EMBEDDING"
    assert (await world.by_text("kitten")).hits == []


async def test_a_model_without_texts_says_so(
    make_vectors: Callable[[int], Any], make_database: Callable[[str], str]
) -> None:
    database = Database(make_database("search_without_texts"))
    images_only = duplicating.Model(id="a-tower", dimensions=4), await make_vectors(4)
    for model, vectors in (images_only, (duplicating.Model(id=None, dimensions=None), None)):
        finder = Finder(database, vectors, DecodePool(1), model, has_text=False)
        with pytest.raises(Conflict) as refused:
            await finder.by_text(duplicating.SearchByText(user_id=1, text="kitten"))
        assert (refused.value.code, refused.value.details) == ("TEXT_SEARCH_UNAVAILABLE", {"model": model.id})
        with pytest.raises(Conflict) as refused:
            await finder.similar(duplicating.SearchSimilar(user_id=1, photo_id=1))
        assert refused.value.code == "NO_EMBEDDING"
    await database.close()


# --- the vectors alone --------------------------------------------------------------------------------------------


@pytest.fixture
async def make_vectors(qdrant_url: str) -> AsyncIterator[Callable[[int], Any]]:
    client = AsyncQdrantClient(url=qdrant_url)

    async def make(dimensions: int) -> Vectors:
        vectors = Vectors(client, f"search_{next(_numbers)}", dimensions)
        await vectors.prepare()
        return vectors

    yield make
    await client.close()


async def test_nobody_finds_anybody_elses(make_vectors: Callable[[int], Any]) -> None:
    """2,000 random searches of 20 owners over vectors that are all much alike."""
    vectors = await make_vectors(8)
    random = np.random.default_rng(3)
    owner: dict[int, int] = {}
    users = [next(_users) for _ in range(20)]
    for user in users:
        for _ in range(10):
            photo_id = len(owner) + 1
            owner[photo_id] = user
            await vectors.put(user, photo_id, (1 + random.normal(scale=0.1, size=8)).tolist())
    foreign = found = 0
    for number in range(2_000):
        user = users[number % 20]
        hits = await vectors.search(user, (1 + random.normal(scale=0.3, size=8)).tolist(), 20)
        found += len(hits)
        foreign += sum(owner[photo_id] != user for photo_id in hits)
    assert (found, foreign) == (20_000, 0)


async def test_real_vectors_rank_as_clip_means_them(make_vectors: Callable[[int], Any], shared_data: Path) -> None:
    folder = shared_data / "clip"
    if not folder.is_dir():
        pytest.skip("the real vectors are not here")
    found = np.load(folder / "images.npz")
    images = dict(zip(found["names"].tolist(), found["embeddings"].tolist(), strict=True))
    texts = np.load(folder / "lvis_text.npy").astype(np.float32).tolist()
    names = (folder / "lvis_names.txt").read_text().splitlines()
    cat, kitten, motel, palms = "123_456", "456_123", "389_535", "321_421"
    photos, words = await make_vectors(512), await make_vectors(512)
    user = next(_users)
    for number, vector in enumerate(images.values(), 1):
        await photos.put(user, number, vector)
    for number, vector in enumerate(texts, 1):
        await words.put(user, number, vector)

    async def shown(word: str) -> list[str]:
        ranked = await photos.search(user, texts[names.index(word)], 7)
        return [list(images)[number - 1] for number in ranked]

    async def named(image: str) -> list[str]:
        return [names[number - 1] for number in await words.search(user, images[image], 2)]

    assert (await shown("kitten"))[:2] == [kitten, cat]
    assert (await shown("cat"))[:2] == [cat, kitten]
    assert (await shown("street_sign"))[0] == motel
    assert (await shown("coconut"))[0] == palms
    assert (await named(kitten))[0] == "kitten" and (await named(cat))[1] == "cat"
    assert (await named(motel))[0] == "street_sign" and (await named(palms))[1] == "coconut"
