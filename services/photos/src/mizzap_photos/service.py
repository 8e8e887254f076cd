"""What the photos service decides: what counts as stored, when a photo is done, what a deletion takes along."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import cast

from mizzap_common import outbox, tombstones
from mizzap_common.contracts import catalog, events, library, steps
from mizzap_common.db import Database
from mizzap_common.errors import NotFound, QuotaExceeded, Unauthorized
from mizzap_common.imaging.metadata import PhotoMetadata
from mizzap_common.inbox import Delivery
from mizzap_common.sealed import KeyRing
from mizzap_common.storage import STORE_ERRORS, Storage, original_key
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_photos import inspection, jobs, locations, moving, quotas_repository, repository
from mizzap_photos.models import PhotoRow
from mizzap_photos.quotas import Quotas
from mizzap_photos.refusals import no_such_photo, upload_again
from mizzap_photos.words import searchable

_KNOWN_AT_ONCE = 500
"""Photos with the longest names there can be still fit into one answer over the broker, 1 MiB."""


class Photos:
    def __init__(self, database: Database, storage: Storage, quotas: Quotas, ring: KeyRing) -> None:
        self.database = database
        self.storage = storage
        self.quotas = quotas
        self.ring = ring

    # --- taking in ----------------------------------------------------------------------------------------------

    async def register(self, request: library.RegisterPhoto) -> library.RegisteredPhoto:
        """Makes a photo of an original that lies in the store. The same file under the same name is one photo, which
        comes back from the trash when it is there.

        Raises Conflict UPLOAD_AGAIN when the original is not there: a deletion took it in between. Raises
        QuotaExceeded when there is no room for the original, which is then removed.
        """
        try:
            async with self.database.begin() as session:
                return await self._register(session, request)
        except QuotaExceeded:
            # a store that doesn't answer must not hide the reason; what stays is swept up as an orphan
            with suppress(*STORE_ERRORS):
                await self._remove_unused(request.user_id, request.sha256)
            raise

    async def adopt(self, request: library.AdoptPhoto) -> library.RegisteredPhoto:
        """A further photo of an original that this user has. Raises NotFound HASH_UNKNOWN when there is none."""
        async with self.database.begin() as session:
            await repository.lock_original(session, request.user_id, request.sha256)
            known = await repository.with_original(session, request.user_id, [request.sha256], limit=1)
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
        if await tombstones.is_user_buried(session, request.user_id):
            # an access token outlives its user for up to an hour, and an upload for as long as it takes
            raise Unauthorized("This account has been deleted.", code="ACCOUNT_DELETED")
        await repository.lock_original(session, request.user_id, request.sha256)
        stored = await self.storage.stat(key)
        if stored is None or stored.size_bytes != request.size_bytes:
            raise upload_again()
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
            known = await moving.recall(session, request.user_id, request.sha256, request.file_name)
            return library.RegisteredPhoto(photo=to_answer(self.ring, known), created=False)
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
        # last, as all of the user's uploads wait for each other from here to the commit
        await self.quotas.charge(session, request.user_id, request.sha256, request.size_bytes)
        return library.RegisteredPhoto(photo=to_answer(self.ring, row), created=True)

    async def precheck(self, request: library.Precheck) -> library.PrecheckPage:
        """Bytes that only photos in the trash have are known without a name: they need not be sent, and to adopt them
        under the old name brings the old photo back."""
        async with self.database.begin() as session:
            rows = await repository.with_original(
                session, request.user_id, request.sha256, _KNOWN_AT_ONCE, request.after
            )
        by_hash: dict[str, list[PhotoRow]] = {row.hash_sha256: [] for row in rows}
        for row in rows:
            if row.trashed_at is None:
                by_hash[row.hash_sha256].append(row)
        return library.PrecheckPage(
            next=rows[-1].id if len(rows) == _KNOWN_AT_ONCE else None,
            known=[
                library.KnownHash(
                    sha256=sha256,
                    photo_ids=[cast(int, row.id) for row in shared],
                    file_names=[row.file_name for row in shared],
                )
                for sha256, shared in by_hash.items()
            ],
        )

    # --- processing ---------------------------------------------------------------------------------------------

    async def inspected(self, event: events.PhotoUploaded, delivery: Delivery, found: PhotoMetadata) -> None:
        """Stores what the photo says of itself."""
        async with self.database.effect(delivery) as session:
            values = await inspection.take_down(session, self.ring, event, found)
            ended = events.StepEnded(**steps.ending(event, delivery.began_at))
            await self.step_ended(session, ended, "metadata_extract", values)

    async def step_done(
        self, event: events.StepEnded, delivery: Delivery, step: library.JobType, values: Mapping[str, object]
    ) -> None:
        async with self.database.effect(delivery) as session:
            await self.step_ended(session, event, step, values)

    async def step_failed(self, event: events.StepFailed, delivery: Delivery, step: library.JobType) -> None:
        async with self.database.effect(delivery) as session:
            await self.fail_step(session, event, step)

    async def fail_step(self, session: AsyncSession, event: events.StepFailed, step: library.JobType) -> None:
        """The step will not succeed. The first reason is the photo's."""
        if await repository.get(session, event.user_id, event.photo_id, lock=True) is None:
            return
        await jobs.end(session, event, step, event.code, event.message)
        await self._finish(session, event.user_id, event.photo_id)

    async def step_ended(
        self, session: AsyncSession, event: events.StepEnded, step: library.JobType, values: Mapping[str, object]
    ) -> None:
        # the row's lock lets the steps that end at the same time see each other
        if await repository.get(session, event.user_id, event.photo_id, lock=True) is None:
            return
        await repository.change(session, event.user_id, event.photo_id, values)
        await jobs.end(session, event, step)
        await self._finish(session, event.user_id, event.photo_id)

    async def _finish(self, session: AsyncSession, user_id: int, photo_id: int) -> None:
        """Tells once that the photo is processed, or that it failed, when all its steps have ended."""
        statuses = await jobs.statuses(session, photo_id)
        if any(status not in ("completed", "failed") for status in statuses):
            return
        if "failed" not in statuses:
            values = {"upload_status": "processed", "error_code": None, "error_message": None}
            # a step that was given up may come to its end after all
            if version := await jobs.finish(session, photo_id, values, after=("uploaded", "failed")):
                done = events.PhotoProcessed(photo_id=photo_id, user_id=user_id, version=version)
                await outbox.add(session, catalog.PHOTO_PROCESSED, done)
            return
        code, message = await jobs.first_failure(session, photo_id)
        values = {"upload_status": "failed", "error_code": code, "error_message": message}
        if version := await jobs.finish(session, photo_id, values):
            failed = events.PhotoFailed(photo_id=photo_id, user_id=user_id, version=version, code=code, message=message)
            await outbox.add(session, catalog.PHOTO_FAILED, failed)

    async def pair_changed(self, event: events.DuplicatePair, delivery: Delivery) -> None:
        """Counts a photo's duplicates by pair, so that repeated or late events change nothing."""
        photo_ids = {event.primary_photo_id, event.duplicate_photo_id}
        async with self.database.effect(delivery) as session:
            # before the pair, as who deletes a photo does: the other way round they would wait in a circle
            photos = await repository.lock_photos(session, event.user_id, sorted(photo_ids))
            # a photo deleted in the meantime must not be counted by its partner
            await repository.put_pair(session, event, both_there=len(photos) == 2)
            await repository.count_duplicates(session, event.user_id, photo_ids)

    # --- taking out ---------------------------------------------------------------------------------------------

    async def forget_original(self, event: events.PhotoDeleted, delivery: Delivery) -> None:
        """Removes the original unless another photo of the same bytes is there, or is just being registered."""
        async with self.database.effect(delivery) as session:
            await self._remove_if_unused(session, event.user_id, event.sha256)

    async def _remove_unused(self, user_id: int, sha256: str) -> None:
        async with self.database.begin() as session:
            await self._remove_if_unused(session, user_id, sha256)

    async def _remove_if_unused(self, session: AsyncSession, user_id: int, sha256: str) -> None:
        await repository.lock_original(session, user_id, sha256)
        if not await repository.used_originals(session, user_id, [sha256]):
            await self.storage.remove(original_key(user_id, sha256))
            await quotas_repository.release(session, user_id, sha256)

    # --- asking -------------------------------------------------------------------------------------------------

    async def get(self, request: library.PhotoRequest) -> library.Photo:
        async with self.database.begin() as session:
            return to_answer(self.ring, await self._mine(session, request))

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

    async def many(self, request: library.PhotosRequest) -> library.Photos:
        async with self.database.begin() as session:
            rows = await repository.visible_many(session, request.user_id, request.photo_ids)
        found = {row.id: row for row in rows}
        answers = [to_answer(self.ring, found[wanted]) for wanted in request.photo_ids if wanted in found]
        return library.Photos(photos=answers)

    async def names(self, request: library.PhotosRequest) -> library.PhotoNames:
        async with self.database.begin() as session:
            rows = await repository.visible_many(session, request.user_id, request.photo_ids)
        return library.PhotoNames(
            photos=[
                library.PhotoName(id=cast(int, row.id), file_name=row.file_name, file_size=row.file_size)
                for row in rows
            ]
        )

    async def jobs(self, request: library.ListJobs) -> library.JobPage:
        async with self.database.begin() as session:
            rows, total = await jobs.page(session, request)
        return library.JobPage(jobs=[jobs.to_answer(row) for row in rows], total=total)

    async def progress(self, request: library.UserRequest) -> library.Progress:
        async with self.database.begin() as session:
            return await repository.progress(session, request.user_id)

    async def _mine(self, session: AsyncSession, request: library.PhotoRequest) -> PhotoRow:
        found = await repository.visible_many(session, request.user_id, [request.photo_id])
        if not found:
            raise no_such_photo(request.photo_id)
        return found[0]


def to_answer(ring: KeyRing, row: PhotoRow) -> library.Photo:
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
        is_favourite=row.is_favourite,
        has_duplicates=row.has_duplicates,
        duplicate_count=row.duplicate_count,
        quality_score=row.quality_score,
        thumbnail_url=f"/api/v1/photos/{row.id}/thumbnail",
        uploaded_at=cast(datetime, row.uploaded_at),
        processed_at=row.processed_at,
    )
