"""What the thumbs service decides: which renditions a photo gets, and that a deleted photo keeps none."""

import hashlib
from typing import Any

from mizzap_common import outbox, tombstones
from mizzap_common.contracts import catalog, events, library, steps
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from mizzap_common.imaging import decode
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.inbox import AlreadyHandled, Delivery
from mizzap_common.storage import Storage, rendition_prefix
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_thumbs import repository
from mizzap_thumbs.models import RenditionRow

SIDES = (200, 400, 1200)
"""Longest sides in pixels that every photo gets a rendition for."""
_MIME_TYPE = "image/jpeg"


class Thumbs:
    """Makes, finds and forgets renditions."""

    def __init__(self, database: Database, storage: Storage, pool: DecodePool) -> None:
        self.database = database
        self.storage = storage
        self.pool = pool

    async def make(self, photo: events.PhotoUploaded, delivery: Delivery) -> None:
        """Raises NotFound when the original is not there though the photo was not deleted."""
        outcome = await self._render(photo)
        try:
            async with self.database.effect(delivery) as session:
                if await tombstones.is_buried(session, photo.photo_id, photo.user_id):
                    await self._remove_objects(photo)
                else:
                    await _record(session, outcome, steps.ending(photo, delivery.began_at))
        except AlreadyHandled:
            # another worker was quicker, and the photo may be gone since: what we have just put would stay for ever
            await self._take_back_if_buried(photo)
            raise

    async def _render(self, photo: events.PhotoUploaded) -> list[RenditionRow] | ImageError | NotFound:
        try:
            original = await self.storage.get(photo.object_key)
            made = await self.pool.run(decode.renditions, original, SIDES)
        except (ImageError, NotFound) as error:
            return error
        return await self._put(photo, {rendition.side: rendition for rendition in made})

    async def _put(self, photo: events.PhotoUploaded, made: dict[int, decode.Rendition]) -> list[RenditionRow]:
        stored = []
        # one after another: when one fails, none may still be under way that nobody waits for
        for side in SIDES:
            data = made[side].data
            key = f"{rendition_prefix(photo.user_id, photo.photo_id)}{side}.jpg"
            await self.storage.put(key, data, _MIME_TYPE)
            stored.append(
                RenditionRow(
                    user_id=photo.user_id,
                    photo_id=photo.photo_id,
                    side=side,
                    width=made[side].width,
                    height=made[side].height,
                    size_bytes=len(data),
                    object_key=key,
                    etag=hashlib.sha256(data).hexdigest(),
                )
            )
        return stored

    async def forget(self, photo: events.PhotoDeleted, delivery: Delivery) -> None:
        """The tombstone first: from then on workers take their own work back, so nothing new can appear."""
        async with self.database.begin() as session:
            await tombstones.bury(session, photo.photo_id, photo.user_id)
            await repository.remove(session, photo.user_id, photo.photo_id)
        await self._remove_objects(photo)
        async with self.database.effect(delivery):
            pass

    async def _take_back_if_buried(self, photo: events.PhotoEvent) -> None:
        async with self.database.begin() as session:
            if await tombstones.is_buried(session, photo.photo_id, photo.user_id):
                await self._remove_objects(photo)

    async def _remove_objects(self, photo: events.PhotoEvent) -> None:
        found = await self.storage.list(rendition_prefix(photo.user_id, photo.photo_id))
        await self.storage.remove(*(item.key for item in found))

    async def locate(self, request: library.LocateRendition) -> library.StoredObject:
        """Raises NotFound: no such photo, somebody else's, or no rendition of it (yet)."""
        async with self.database.begin() as session:
            found = await repository.find(session, request.user_id, request.photo_id, request.side)
        if found is None:
            raise NotFound("There is no thumbnail of this photo.")
        return library.StoredObject(
            object_key=found.object_key, mime_type=_MIME_TYPE, size_bytes=found.size_bytes, etag=found.etag
        )

    async def count(self, request: library.UserRequest) -> library.Count:
        async with self.database.begin() as session:
            return library.Count(count=await repository.count(session, request.user_id))


async def _record(
    session: AsyncSession, outcome: list[RenditionRow] | ImageError | NotFound, ending: dict[str, Any]
) -> None:
    if isinstance(outcome, NotFound):
        raise outcome
    if isinstance(outcome, ImageError):
        failed = events.StepFailed(**ending, code=outcome.code, message=outcome.message)
        await outbox.add(session, catalog.THUMBNAIL_FAILED, failed)
        return
    await repository.store(session, outcome)
    renditions = [events.Rendition.model_validate(rendition, from_attributes=True) for rendition in outcome]
    thumbnailed = events.PhotoThumbnailed(**ending, renditions=renditions)
    await outbox.add(session, catalog.PHOTO_THUMBNAILED, thumbnailed)
