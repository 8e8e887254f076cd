"""A running thumbs service, and photos to give it."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from itertools import count

import numpy as np
import pytest
from mizzap_common import migrations, testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import events
from mizzap_common.storage import Storage, original_key
from mizzap_thumbs.app import build
from mizzap_thumbs.settings import ThumbsSettings
from PIL import Image

UPRIGHT, TURNED = 1, 6
_EXIF_ORIENTATION = 0x0112
_photo_ids = count(2**40)

Upload = Callable[[bytes], Awaitable[events.PhotoUploaded]]


@pytest.fixture(scope="module")
def settings(nats_url: str, s3_settings: testing.Store, make_database: Callable[[str], str]) -> ThumbsSettings:
    url = make_database("thumbs")
    migrations.upgrade("mizzap_thumbs", url)
    return testing.settings_for(ThumbsSettings, nats_url, s3_settings, url, workers=1)


@pytest.fixture(scope="module")
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    async with testing.outsider(nats_url) as outsider:
        yield outsider


@pytest.fixture(scope="module")
async def service(settings: ThumbsSettings, bus: Bus) -> AsyncIterator[None]:
    async with testing.running(build(settings)):
        yield


@pytest.fixture(scope="session")
def photo() -> Callable[..., bytes]:
    """`photo(width, height, orientation)` makes a JPEG with EXIF that no other call makes."""
    random = np.random.default_rng(7)

    def make(width: int = 640, height: int = 480, orientation: int = UPRIGHT) -> bytes:
        coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        exif = Image.Exif()
        exif[_EXIF_ORIENTATION] = orientation
        file = BytesIO()
        Image.fromarray(coarse).resize((width, height)).save(file, "JPEG", exif=exif)
        return file.getvalue()

    return make


@pytest.fixture(scope="module")
def upload(storage: Storage) -> Upload:
    """Stores an original as the gateway does, and gives the event that photos publishes then."""

    async def put(data: bytes, user_id: int = 11) -> events.PhotoUploaded:
        sha256 = hashlib.sha256(data).hexdigest()
        key = original_key(user_id, sha256)
        await storage.put(key, data, "image/jpeg")
        return events.PhotoUploaded(
            user_id=user_id,
            photo_id=next(_photo_ids),
            sha256=sha256,
            object_key=key,
            mime_type="image/jpeg",
            size_bytes=len(data),
        )

    return put


@pytest.fixture(scope="session")
def deletion_of() -> Callable[[events.PhotoUploaded], events.PhotoDeleted]:
    return lambda uploaded: events.PhotoDeleted.model_validate(uploaded.model_dump())
