"""A running curation service, photos to give it, and a dedup that answers as a test wants."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from io import BytesIO
from itertools import count

import numpy as np
import pytest
from mizzap_common import migrations, testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, curating, duplicating, events, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import Unavailable
from mizzap_common.sealed import new_key_ring
from mizzap_common.storage import Storage, original_key
from mizzap_curation.app import build
from mizzap_curation.settings import CurationSettings
from PIL import ExifTags, Image
from pydantic import SecretStr

from services.curation.tests.shops import SECRET, Shop

_photo_ids = count(2**40)
_user_ids = count(2**33)
_pair_ids = count(2**41)
NOON = datetime(2025, 10, 12, 12)


class Dedup:
    """Answers for vectors in dedup's place."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.vectors: dict[int, np.ndarray] = {}
        self.model: str | None = "a-clip"
        self.down = False
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def embeddings(self, request: duplicating.EmbeddingsRequest) -> duplicating.Embeddings:
        self.asked.set()
        await self.may_answer.wait()
        if self.down:
            raise Unavailable("not now")
        known = [i for i in request.photo_ids if i in self.vectors] if self.model else []
        return duplicating.Embeddings(
            model=duplicating.Model(id=self.model, dimensions=4 if self.model else None),
            embeddings=[
                duplicating.Embedding(
                    photo_id=i, vector=base64.b64encode(self.vectors[i].astype("<f4").tobytes()).decode()
                )
                for i in known
            ],
        )


class Mizzap:
    """The world around the service, in a user's words."""

    def __init__(self, bus: Bus, storage: Storage, dedup: Dedup) -> None:
        self.bus = bus
        self.storage = storage
        self.dedup = dedup
        self.user_id = next(_user_ids)
        self.uploaded: dict[int, events.PhotoUploaded] = {}

    async def upload(self, data: bytes, vector: list[float] | None = None) -> int:
        sha256 = hashlib.sha256(data).hexdigest()
        key = original_key(self.user_id, sha256)
        await self.storage.put(key, data, "image/jpeg")
        photo = events.PhotoUploaded(
            user_id=self.user_id,
            photo_id=next(_photo_ids),
            sha256=sha256,
            object_key=key,
            mime_type="image/jpeg",
            size_bytes=len(data),
        )
        self.uploaded[photo.photo_id] = photo
        if vector is not None:
            self.dedup.vectors[photo.photo_id] = np.array(vector) / np.linalg.norm(vector)
        await self.tell(catalog.PHOTO_UPLOADED, photo)
        return photo.photo_id

    async def delete(self, photo_id: int) -> None:
        gone = events.PhotoDeleted.model_validate(self.uploaded[photo_id].model_dump())
        await self.tell(catalog.PHOTO_DELETED, gone)

    def pair(self, keeper: int, duplicate: int) -> events.DuplicateDetected:
        return events.DuplicateDetected(
            user_id=self.user_id,
            duplicate_id=next(_pair_ids),
            primary_photo_id=keeper,
            duplicate_photo_id=duplicate,
            lane="near",
            match_type="perceptual",
            similarity_score=0.97,
        )

    async def tell(self, event: catalog.Event, payload: events.UserEvent) -> None:
        await testing.publish_event(self.bus.jetstream, event, payload)

    async def handled(self) -> None:
        await testing.all_handled(self.bus.jetstream, "curation")

    async def moments(self) -> curating.CuratedSet:
        return await self.bus.ask(requests.CURATION_MOMENTS, library.UserRequest(user_id=self.user_id))

    async def settled(self) -> curating.CuratedSet:
        """The set once everything told so far has been taken into account."""
        await self.handled()

        async def up_to_date() -> curating.CuratedSet | None:
            found = await self.moments()
            return found if found.up_to_date else None

        return await testing.eventually(up_to_date, seconds=20)

    async def change(self, **wishes: list[int]) -> curating.CuratedSet:
        return await self.bus.ask(requests.CURATION_CHANGE, curating.ChangeMoments(user_id=self.user_id, **wishes))

    async def confirm(self) -> curating.CuratedSet:
        return await self.bus.ask(requests.CURATION_CONFIRM, library.UserRequest(user_id=self.user_id))

    async def published(self, event: catalog.Event) -> list[events.UserEvent]:
        return [p for p in await testing.published(self.bus.jetstream, event) if p.user_id == self.user_id]


def ids(shown: curating.CuratedSet) -> list[int]:
    return [moment.photo_id for moment in shown.moments]


@pytest.fixture(scope="module")
def settings(
    nats_url: str,
    s3_settings: testing.Store,
    make_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> CurationSettings:
    ring = tmp_path_factory.mktemp("keys") / "ring.json"
    ring.write_text(new_key_ring("1"))
    url = make_database("curation")
    migrations.upgrade("mizzap_curation", url)
    return testing.settings_for(
        CurationSettings,
        nats_url,
        s3_settings,
        url,
        key_ring_file=ring,
        workers=1,
        curation_quiet_seconds=0.1,
        curation_longest_seconds=0.5,
        curation_poll_seconds=0.05,
        curation_retry_seconds=0.1,
    )


@pytest.fixture(scope="module")
def dedup_service() -> Dedup:
    return Dedup()


@pytest.fixture
def dedup(dedup_service: Dedup) -> Dedup:
    dedup_service.reset()
    return dedup_service


@pytest.fixture(scope="module")
async def bus(nats_url: str, dedup_service: Dedup) -> AsyncIterator[Bus]:
    async with testing.outsider(nats_url, [(requests.DEDUP_EMBEDDINGS, dedup_service.embeddings)]) as outsider:
        yield outsider


@pytest.fixture(scope="module")
async def service(settings: CurationSettings, bus: Bus) -> AsyncIterator[None]:
    async with testing.running(build(settings)):
        yield


@pytest.fixture
def somebody(service: None, bus: Bus, storage: Storage, dedup: Dedup) -> Mizzap:
    """A new user before a running service, who has not agreed to anything."""
    return Mizzap(bus, storage, dedup)


@pytest.fixture
async def mizzap(somebody: Mizzap, database: Database) -> Mizzap:
    """A new user before a running service, who has agreed to AI."""
    await testing.told_ai_consent(database, somebody.user_id)
    return somebody


@pytest.fixture(scope="session")
def photo() -> Callable[..., bytes]:
    """`photo(hours)` makes a sharp JPEG that no other call makes, taken so many hours after noon; None: undated."""
    random = np.random.default_rng(11)

    def make(hours: float | None = 0.0, contrast: int = 100) -> bytes:
        coarse = random.integers(128 - contrast, 128 + contrast, (18, 24, 3), dtype=np.uint8)
        exif = Image.Exif()
        exif[ExifTags.Base.Make] = "Camera"
        if hours is not None:
            taken = NOON + timedelta(hours=hours)
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken.strftime("%Y:%m:%d %H:%M:%S")
        file = BytesIO()
        Image.fromarray(coarse).resize((960, 720), Image.Resampling.NEAREST).save(file, "JPEG", exif=exif, quality=95)
        return file.getvalue()

    return make


# --- orders, beside the running service ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_partner(settings: CurationSettings) -> CurationSettings:
    more = {"memopyk_url": "http://127.0.0.1:9/", "memopyk_secret": SecretStr(SECRET), "partner_retry_seconds": (1, 1)}
    return settings.model_copy(update=more)


@pytest.fixture
async def shop(database: Database, with_partner: CurationSettings) -> AsyncIterator[Shop]:
    made = Shop(database, with_partner)
    yield made
    await made.work()  # leaves nothing to others
    await made.wire.close()
