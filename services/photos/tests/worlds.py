"""A running photos service, as the tests see it from outside."""

import asyncio
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events, keeping, library, requests
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing
from mizzap_common.storage import ObjectInfo, Storage, original_key
from mizzap_common.testing import eventually, publish_event, published
from mizzap_photos.quotas import Quotas
from mizzap_photos.service import Photos
from mizzap_photos.settings import PhotosSettings
from PIL import Image
from pydantic import SecretStr

USER = 7


def jpeg(seed: int = 1) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = "Canon", "Canon EOS 70D", "2024:05:06 07:08:09"
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


class Shelf:
    """A store in which everything lies that is asked for."""

    async def stat(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, 1, None)


def inside(database: Database, ring: KeyRing) -> Photos:
    """What decides, on a database and nothing else."""
    settings = PhotosSettings(database_url=SecretStr("unused"), key_ring_file=Path("unused"))
    return Photos(database, Shelf(), Quotas(database, settings), ring)  # type: ignore[arg-type]


@dataclass
class World:
    bus: Bus
    storage: Storage
    settings: PhotosSettings

    async def store(self, data: bytes, user_id: int = USER) -> library.RegisterPhoto:
        sha256 = hashlib.sha256(data).hexdigest()
        await self.storage.put(original_key(user_id, sha256), data, "image/jpeg")
        return library.RegisterPhoto(
            user_id=user_id, file_name="a.jpg", sha256=sha256, md5=hashlib.md5(data).hexdigest(),
            mime_type="image/jpeg", size_bytes=len(data),
        )  # fmt: skip

    async def upload(self, data: bytes, file_name: str = "a.jpg", user_id: int = USER) -> library.RegisteredPhoto:
        request = (await self.store(data, user_id)).model_copy(update={"file_name": file_name})
        return await self.bus.ask(requests.PHOTOS_REGISTER, request)

    async def photo(self, photo_id: int) -> library.Photo:
        return await self.bus.ask(requests.PHOTOS_GET, library.PhotoRequest(user_id=USER, photo_id=photo_id))

    async def delete(self, photo_id: int, permanent: bool = True) -> None:
        request = keeping.DeletePhoto(user_id=USER, photo_id=photo_id, permanent=permanent)
        await self.bus.ask(requests.PHOTOS_DELETE, request)

    async def tell(self, event: catalog.Event[catalog.P], payload: catalog.P) -> None:
        await publish_event(self.bus.jetstream, event, payload)

    async def told(self, event: catalog.Event[catalog.P], count: int) -> list[catalog.P]:
        async def enough() -> list[catalog.P]:
            found = await published(self.bus.jetstream, event)
            return found if len(found) >= count else []

        return await eventually(enough)

    async def finish_steps(self, photo_id: int) -> None:
        """What thumbs, dedup and curation would say, all at once."""
        about = {"photo_id": photo_id, "user_id": USER}
        await asyncio.gather(
            self.tell(catalog.PHOTO_THUMBNAILED, events.PhotoThumbnailed(**about, renditions=[])),
            self.tell(catalog.PHOTO_FINGERPRINTED, events.PhotoFingerprinted(**about, perceptual_hash="f" * 16)),
            self.tell(catalog.PHOTO_SCORED, events.PhotoScored(**about, quality_score=0.5)),
        )
