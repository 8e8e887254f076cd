"""A user before a running dedup service: says yes and no, uploads, and sees what there is, and what lies elsewhere."""

import hashlib
import io
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
from mizzap_common import testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, duplicating, events, requests
from mizzap_common.db import Database
from mizzap_common.storage import Storage, original_key
from mizzap_dedup.vectors import OWNER
from PIL import Image
from qdrant_client import AsyncQdrantClient, models
from sqlalchemy import select

_users, _photos, _changes = count(2**33), count(2**42), count(1)


async def vectors_of(qdrant: AsyncQdrantClient, user_id: int) -> set[int]:
    """The photos of a user that have a vector in any collection."""
    mine = models.FieldCondition(key=OWNER, match=models.MatchValue(value=str(user_id)))
    found: set[int] = set()
    for collection in (await qdrant.get_collections()).collections:
        points, _ = await qdrant.scroll(
            collection.name, scroll_filter=models.Filter(must=[mine]), limit=1000, with_payload=False
        )
        found |= {int(point.id) for point in points}
    return found


@dataclass
class World:
    bus: Bus
    storage: Storage
    database: Database
    qdrant: AsyncQdrantClient
    user: int = field(default_factory=_users.__next__)

    async def say(self, granted: bool, change: int | None = None, purpose: Any = "ai") -> None:
        said = events.ConsentChanged(
            user_id=self.user, purpose=purpose, version="1", granted=granted, change=change or next(_changes)
        )
        await testing.publish_event(self.bus.jetstream, catalog.CONSENT_CHANGED, said)

    async def handled(self) -> None:
        await testing.all_handled(self.bus.jetstream, "dedup", 120)

    async def upload(self, pixels: npt.NDArray[np.uint8], quality: int = 90) -> events.PhotoUploaded:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        sha256 = hashlib.sha256(file.getvalue()).hexdigest()
        key = original_key(self.user, sha256)
        await self.storage.put(key, file.getvalue(), "image/jpeg")
        photo = events.PhotoUploaded(
            user_id=self.user, photo_id=next(_photos), sha256=sha256, object_key=key, mime_type="image/jpeg",
            size_bytes=len(file.getvalue()),
        )  # fmt: skip
        await testing.publish_event(self.bus.jetstream, catalog.PHOTO_UPLOADED, photo)
        return photo

    async def vectors(self) -> set[int]:
        return await vectors_of(self.qdrant, self.user)

    async def pairs(self) -> dict[str, duplicating.Duplicate]:
        page = await self.bus.ask(requests.DEDUP_LIST, duplicating.ListDuplicates(user_id=self.user))
        return {pair.lane: pair for pair in page.duplicates}

    async def told(self, event: catalog.Event[Any]) -> list[Any]:
        return [p for p in await testing.published(self.bus.jetstream, event) if p.user_id == self.user]

    async def rows(self, table: Any) -> list[Any]:
        async with self.database.begin() as session:
            return list(await session.scalars(select(table).where(table.user_id == self.user)))


@dataclass
class Elsewhere:
    """Vectors in a collection of a model that is not in use any more, and as many in one that isn't ours."""

    qdrant: AsyncQdrantClient
    names: tuple[str, str] = ("photos_a-model-of-old", "somebody_elses")

    async def open(self) -> None:
        for name in self.names:
            parameters = models.VectorParams(size=2, distance=models.Distance.COSINE)
            await self.qdrant.create_collection(name, vectors_config=parameters)

    async def close(self) -> None:
        for name in self.names:
            await self.qdrant.delete_collection(name)

    async def put(self, user_id: int, *photo_ids: int) -> None:
        points = [models.PointStruct(id=one, vector=[1.0, 0.0], payload={OWNER: str(user_id)}) for one in photo_ids]
        for name in self.names:
            await self.qdrant.upsert(name, points, wait=True)

    async def left(self) -> list[set[int]]:
        """The photos whose vectors are in the one, and in the other."""
        found = [await self.qdrant.scroll(name, limit=100, with_payload=False) for name in self.names]
        return [{int(point.id) for point in points} for points, _ in found]
