"""Steps that are done again: after a failure, when the user asks, or because what they stand on has changed."""

from collections.abc import Sequence
from typing import cast

from mizzap_common import outbox
from mizzap_common.contracts import catalog, events, library
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, NotFound
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_photos import jobs, repository
from mizzap_photos.models import PhotoRow


class Reprocessing:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def retry_job(self, request: library.JobRequest) -> library.Job:
        """Queues a failed step again. Raises NotFound, and Conflict JOB_NOT_FAILED for every other step."""
        async with self.database.begin() as session:
            job = await jobs.find(session, request.user_id, request.job_id)
            # its steps change only under the photo's lock
            photo = await repository.get(session, request.user_id, job.photo_id, lock=True) if job else None
            if job is None or photo is None or photo.trashed_at is not None:
                raise NotFound("There is no such job.", jobId=request.job_id)
            await session.refresh(job)
            if job.status != "failed":
                raise Conflict(
                    "Only a step that has failed can be tried again.", code="JOB_NOT_FAILED", status=job.status
                )
            await _request(session, photo, [cast(library.JobType, job.job_type)])
            await session.refresh(job)
            return jobs.to_answer(job)


async def request_again(
    session: AsyncSession, user_id: int, photo_ids: Sequence[int], steps: Sequence[library.JobType]
) -> int:
    """Has these steps of the user's photos done again, in the caller's transaction. Returns how many photos there are.

    The photos are as just uploaded until the steps have ended; then photo.processed or photo.failed is told again.
    """
    photos = await repository.lock_photos(session, user_id, photo_ids)
    for photo in photos:
        await _request(session, photo, steps)
    return len(photos)


async def _request(session: AsyncSession, photo: PhotoRow, steps: Sequence[library.JobType]) -> None:
    """The photo is locked by the caller."""
    photo_id = cast(int, photo.id)
    requested = events.ProcessingRequested(
        photo_id=photo_id,
        user_id=photo.user_id,
        sha256=photo.hash_sha256,
        object_key=photo.object_key,
        mime_type=photo.mime_type,
        size_bytes=photo.file_size,
        steps=list(steps),
    )
    request_id = await outbox.add(session, catalog.PROCESSING_REQUESTED, requested)
    await jobs.queue_again(session, photo_id, steps, request_id)
    values = {"upload_status": "uploaded", "processed_at": None, "error_code": None, "error_message": None}
    await repository.change(session, photo.user_id, photo_id, values)
