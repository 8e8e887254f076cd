"""All SQL about jobs: a photo's steps, what is finished, what stays away."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from mizzap_common import changes
from mizzap_common.contracts import catalog, library
from mizzap_common.tables import OUTBOX
from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_photos.models import JobRow, PhotoRow
from mizzap_photos.repository import FEED

STEPS: tuple[library.JobType, ...] = ("metadata_extract", "thumbnail", "dedup", "ai_score")


async def create(session: AsyncSession, user_id: int, photo_id: int) -> None:
    await session.execute(
        insert(JobRow),
        [
            {"user_id": user_id, "photo_id": photo_id, "job_type": step, "status": "queued", "retry_count": 0}
            for step in STEPS
        ],
    )


async def end(session: AsyncSession, photo_id: int, step: str, error: str | None) -> None:
    """Marks a step as completed, or as failed with the error's message."""
    await session.execute(
        update(JobRow)
        .where(col(JobRow.photo_id) == photo_id, col(JobRow.job_type) == step)
        .values(status="failed" if error else "completed", error_message=error, completed_at=func.now())
    )


async def statuses(session: AsyncSession, photo_id: int) -> list[str]:
    return list((await session.scalars(select(col(JobRow.status)).where(col(JobRow.photo_id) == photo_id))).all())


async def page(session: AsyncSession, request: library.ListJobs) -> tuple[Sequence[JobRow], int]:
    mine: list[ColumnElement[bool]] = [col(JobRow.user_id) == request.user_id]
    if request.photo_id is not None:
        mine.append(col(JobRow.photo_id) == request.photo_id)
    if request.status is not None:
        mine.append(col(JobRow.status) == request.status)
    statement = (
        select(JobRow)
        .where(*mine)
        .order_by(col(JobRow.id).desc())
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    total = (await session.execute(select(func.count()).select_from(JobRow).where(*mine))).scalar_one()
    return (await session.scalars(statement)).all(), total


async def overdue(
    session: AsyncSession, step: str, after: timedelta, arrived_before: datetime, limit: int
) -> Sequence[JobRow]:
    """Queued steps that nobody is working on, as far as the broker knows, locked for this transaction.

    ``after`` doubles with every time a step was asked for. ``arrived_before`` is the broker's word: of the uploads
    told before that moment the step's consumer holds none any more. It has handled them, or they were lost.
    """
    last = func.coalesce(col(JobRow.asked_at), col(JobRow.created_at))
    told = (
        select(OUTBOX.c.seq)
        .where(
            OUTBOX.c.subject == catalog.PHOTO_UPLOADED.subject,
            OUTBOX.c.about == func.concat("photo/", col(JobRow.photo_id)),
            OUTBOX.c.published_at < arrived_before,
        )
        .exists()
    )
    # a photo whose step another sweeper holds waits for the next round
    statement = (
        select(JobRow)
        .where(
            col(JobRow.status) == "queued",
            col(JobRow.job_type) == step,
            last < func.now() - after * func.pow(2, col(JobRow.retry_count)),
            told,
        )
        .order_by(col(JobRow.created_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(statement)).all()


async def mark_asked(session: AsyncSession, job_ids: Sequence[int]) -> None:
    await session.execute(
        update(JobRow)
        .where(col(JobRow.id).in_(job_ids))
        .values(asked_at=func.now(), retry_count=col(JobRow.retry_count) + 1)
    )


async def finish(session: AsyncSession, photo_id: int, values: dict[str, Any]) -> bool:
    """Ends the photo's processing. False when it had ended before: it is told once."""
    statement = (
        update(PhotoRow)
        .where(col(PhotoRow.id) == photo_id, col(PhotoRow.upload_status) == "uploaded")
        .values(processed_at=func.now(), updated_at=func.now(), **values)
        .returning(col(PhotoRow.user_id))
    )
    owner = (await session.scalars(statement)).first()
    if owner is not None:
        changes.note(session, owner, FEED, photo_id)
    return owner is not None


def to_answer(row: JobRow) -> library.Job:
    return library.Job(
        id=cast(int, row.id),
        photo_id=row.photo_id,
        job_type=cast(library.JobType, row.job_type),
        status=cast(library.JobStatus, row.status),
        retry_count=row.retry_count,
        error_message=row.error_message,
        created_at=cast(datetime, row.created_at),
        started_at=row.started_at,
        completed_at=row.completed_at,
    )
