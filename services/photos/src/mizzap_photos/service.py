"""What the photos service decides: what counts as stored, when a photo is done, what a deletion takes along."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from mizzap_common import outbox, tombstones
from mizzap_common.contracts import catalog, events, library
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, NotFound
from mizzap_common.imaging.metadata import PhotoMetadata
from mizzap_common.inbox import Delivery
from mizzap_common.sealed import KeyRing
from mizzap_common.storage import Storage, original_key
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_photos import inspection, jobs, locations, repository
from mizzap_photos.models import PhotoRow
from mizzap_photos.words import searchable


class Photos:
    def __init__(self, database: Database, storage: Storage, ring: KeyRing) -> None:
        self.database = database
        self.storage = storage
        self.ring = ring

    # --- taking in ----------------------------------------------------------------------------------------------

    async def register(self, request: library.RegisterPhoto) -> library.RegisteredPhoto:
        """Makes a photo of an original that lies in the store. The same file under the same name is one photo.

        Raises Conflict UPLOAD_AGAIN when the original is not there: a deletion took it in between.
        """
        async with self.database.begin() as session:
            return await self._register(session, request)

    async def adopt(self, request: library.AdoptPhoto) -> library.RegisteredPhoto:
        """A further photo of an original that this user has. Raises NotFound HASH_UNKNOWN when there is none."""
        async with self.database.begin() as session:
            await repository.lock_original(session, request.user_id, request.sha256)
            known = await repository.with_original(session, request.user_id, [request.sha256])
            if not known:
                raise NotFound("These bytes have not been uploaded yet.", code="HASH_UNKNOWN", sha256=request.sha256)
            first = known[0]
            registered = library.RegisterPhoto(
                user_id=request.user_id,
                file_name=request.file_name,
                sha256=request.sha256,
                md5=first.hash_md5,
                mime_type=first.mime_type,
                size_bytes=first.file_size,
            )
            return await self._register(session, registered)

    async def _register(self, session: AsyncSession, request: library.RegisterPhoto) -> library.RegisteredPhoto:
        key = original_key(request.user_id, request.sha256)
        await repository.lock_original(session, request.user_id, request.sha256)
        stored = await self.storage.stat(key)
        if stored is None or stored.size_bytes != request.size_bytes:
            raise Conflict("The upload got lost in between. Please send it again.", code="UPLOAD_AGAIN")
        values = {
            "user_id": request.user_id,
            "file_name": request.file_name,
            "object_key": key,
            "file_size": request.size_bytes,
            "mime_type": request.mime_type,
            "hash_md5": request.md5,
            "hash_sha256": request.sha256,
            "search_text": searchable(request.file_name),
        }
        row = await repository.insert_photo(session, values)
        if row is None:
            known = await repository.by_identity(session, request.user_id, request.sha256, request.file_name)
            return library.RegisteredPhoto(photo=to_answer(cast(PhotoRow, known), self.ring), created=False)
        photo_id = cast(int, row.id)
        await jobs.create(session, request.user_id, photo_id)
        uploaded = events.PhotoUploaded(
            photo_id=photo_id,
            user_id=request.user_id,
            sha256=request.sha256,
            object_key=key,
            mime_type=request.mime_type,
            size_bytes=request.size_bytes,
        )
        await outbox.add(session, catalog.PHOTO_UPLOADED, uploaded)
        return library.RegisteredPhoto(photo=to_answer(row, self.ring), created=True)

    async def precheck(self, request: library.Precheck) -> library.KnownHashes:
        async with self.database.begin() as session:
            rows = await repository.with_original(session, request.user_id, request.sha256)
        by_hash: dict[str, list[PhotoRow]] = {}
        for row in rows:
            by_hash.setdefault(row.hash_sha256, []).append(row)
        return library.KnownHashes(
            known=[
                library.KnownHash(
                    sha256=sha256,
                    photo_ids=[cast(int, row.id) for row in shared],
                    file_names=[row.file_name for row in shared],
                )
                for sha256, shared in by_hash.items()
            ]
        )

    # --- processing ---------------------------------------------------------------------------------------------

    async def inspected(self, event: events.PhotoUploaded, delivery: Delivery, found: PhotoMetadata) -> None:
        """Stores what the photo says of itself."""
        async with self.database.effect(delivery) as session:
            values = await inspection.take_down(session, self.ring, event, found)
            await self._step_ended(session, event, "metadata_extract", values)

    async def step_done(
        self, event: events.PhotoEvent, delivery: Delivery, step: library.JobType, values: Mapping[str, object]
    ) -> None:
        async with self.database.effect(delivery) as session:
            await self._step_ended(session, event, step, values)

    async def step_failed(
        self, event: events.PhotoEvent, delivery: Delivery, step: library.JobType, code: str, message: str
    ) -> None:
        async with self.database.effect(delivery) as session:
            await self.fail_step(session, event.user_id, event.photo_id, step, code, message)

    async def fail_step(
        self, session: AsyncSession, user_id: int, photo_id: int, step: library.JobType, code: str, message: str
    ) -> None:
        """The step will never succeed. The first reason is the photo's."""
        row = await repository.get(session, user_id, photo_id, lock=True)
        if row is None:
            return
        if row.error_code is None:
            await repository.change(session, user_id, photo_id, {"error_code": code, "error_message": message})
        await jobs.end(session, photo_id, step, message)
        await self._finish(session, user_id, photo_id)

    async def _step_ended(
        self, session: AsyncSession, event: events.PhotoEvent, step: library.JobType, values: Mapping[str, object]
    ) -> None:
        # the row's lock lets the steps that end at the same time see each other
        if await repository.get(session, event.user_id, event.photo_id, lock=True) is None:
            return
        await repository.change(session, event.user_id, event.photo_id, values)
        await jobs.end(session, event.photo_id, step, None)
        await self._finish(session, event.user_id, event.photo_id)

    async def _finish(self, session: AsyncSession, user_id: int, photo_id: int) -> None:
        """Tells once that the photo is processed, or that it failed, when all its steps have ended."""
        statuses = await jobs.statuses(session, photo_id)
        if any(status not in ("completed", "failed") for status in statuses):
            return
        if "failed" not in statuses:
            if await jobs.finish(session, photo_id, {"upload_status": "processed"}):
                done = events.PhotoProcessed(photo_id=photo_id, user_id=user_id)
                await outbox.add(session, catalog.PHOTO_PROCESSED, done)
            return
        row = await repository.get(session, user_id, photo_id)
        if row is not None and await jobs.finish(session, photo_id, {"upload_status": "failed"}):
            failed = events.PhotoFailed(
                photo_id=photo_id, user_id=user_id, code=row.error_code or "", message=row.error_message or ""
            )
            await outbox.add(session, catalog.PHOTO_FAILED, failed)

    async def pair_changed(
        self, event: events.DuplicatePair, delivery: Delivery, active: bool, overrule: bool = True
    ) -> None:
        """Counts a photo's duplicates by pair, so that repeated or late events change nothing."""
        pair = (event.duplicate_id, event.primary_photo_id, event.duplicate_photo_id)
        async with self.database.effect(delivery) as session:
            await repository.put_pair(session, event.user_id, pair, active, overrule)
            await repository.count_duplicates(session, event.user_id, set(pair[1:]))

    # --- taking out ---------------------------------------------------------------------------------------------

    async def delete(self, request: library.PhotoRequest) -> library.Done:
        """The photo is gone from here on; originals, renditions and vectors follow by event."""
        async with self.database.begin() as session:
            row = await self._mine(session, request, lock=True)
            gone = events.PhotoDeleted(
                photo_id=request.photo_id, user_id=row.user_id, sha256=row.hash_sha256, object_key=row.object_key
            )
            await tombstones.bury(session, request.photo_id, request.user_id)
            await repository.remove(session, request.user_id, request.photo_id)
            await outbox.add(session, catalog.PHOTO_DELETED, gone)
        return library.Done()

    async def forget_original(self, event: events.PhotoDeleted, delivery: Delivery) -> None:
        """Removes the original unless another photo of the same bytes is there, or is just being registered."""
        async with self.database.effect(delivery) as session:
            await repository.lock_original(session, event.user_id, event.sha256)
            if not await repository.used_originals(session, event.user_id, [event.sha256]):
                await self.storage.remove(event.object_key)

    # --- asking -------------------------------------------------------------------------------------------------

    async def get(self, request: library.PhotoRequest) -> library.Photo:
        async with self.database.begin() as session:
            return to_answer(await self._mine(session, request), self.ring)

    async def original(self, request: library.PhotoRequest) -> library.StoredObject:
        async with self.database.begin() as session:
            row = await self._mine(session, request)
        return library.StoredObject(
            object_key=row.object_key,
            mime_type=row.mime_type,
            size_bytes=row.file_size,
            etag=row.hash_sha256,
            file_name=row.file_name,
        )

    async def names(self, request: library.PhotosRequest) -> library.PhotoNames:
        async with self.database.begin() as session:
            rows = await repository.get_many(session, request.user_id, request.photo_ids)
        return library.PhotoNames(photos=_names(rows))

    async def jobs(self, request: library.ListJobs) -> library.JobPage:
        async with self.database.begin() as session:
            rows, total = await jobs.page(session, request)
        return library.JobPage(jobs=[jobs.to_answer(row) for row in rows], total=total)

    async def progress(self, request: library.UserRequest) -> library.Progress:
        async with self.database.begin() as session:
            return await repository.progress(session, request.user_id)

    async def _mine(self, session: AsyncSession, request: library.PhotoRequest, lock: bool = False) -> PhotoRow:
        row = await repository.get(session, request.user_id, request.photo_id, lock)
        if row is None:
            raise NotFound("There is no such photo.", photoId=request.photo_id)
        return row


def _names(rows: Sequence[PhotoRow]) -> list[library.PhotoName]:
    return [library.PhotoName(id=cast(int, row.id), file_name=row.file_name, file_size=row.file_size) for row in rows]


def to_answer(row: PhotoRow, ring: KeyRing) -> library.Photo:
    error = None
    if row.upload_status == "failed":
        error = library.PhotoError(code=row.error_code or "", message=row.error_message or "")
    return library.Photo(
        id=cast(int, row.id),
        file_name=row.file_name,
        file_size=row.file_size,
        mime_type=row.mime_type,
        sha256=row.hash_sha256,
        md5=row.hash_md5,
        perceptual_hash=row.hash_perceptual,
        status=cast(library.UploadStatus, row.upload_status),
        error=error,
        width=row.width,
        height=row.height,
        created_date=row.created_date.date() if row.created_date else None,
        taken_at=row.created_date,
        camera_model=row.camera_model,
        **locations.opened(ring, row),
        has_duplicates=row.has_duplicates,
        duplicate_count=row.duplicate_count,
        quality_score=row.quality_score,
        thumbnail_url=f"/api/v1/photos/{row.id}/thumbnail",
        uploaded_at=cast(datetime, row.uploaded_at),
        processed_at=row.processed_at,
    )
