"""All SQL about jobs: a photo's steps, what is finished, what stays away."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from mizzap_common import changes
from mizzap_common.contracts import catalog, events, library
from mizzap_common.contracts.steps import WORKERS, Start
from mizzap_common.tables import OUTBOX
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Text,
    bindparam,
    case,
    column,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_photos.models import JobRow, PhotoRow
from mizzap_photos.repository import FEED

Wanting = catalog.Event[events.PhotoUploaded] | catalog.Event[events.ProcessingRequested]
"""What a step is wanted by: the photo's upload, or a later request to do it again."""

UNDER_WAY = ("queued", "processing")
"""What has not ended: whether a step has begun is for people to see, and decides nothing."""
_TIME = DateTime(timezone=True)
_wanted_at = func.coalesce(col(JobRow.asked_at), col(JobRow.created_at))


async def create(session: AsyncSession, user_id: int, photo_id: int) -> None:
    await session.execute(
        insert(JobRow),
        [
            {"user_id": user_id, "photo_id": photo_id, "job_type": step, "status": "queued", "retry_count": 0}
            for step in WORKERS
        ],
    )


async def begin(session: AsyncSession, heard: Mapping[Start, datetime]) -> set[Start]:
    """Notes which steps have begun, and when. Returns those that were noted.

    One from before the step was wanted again is none, and a step that has ended was told when it began. What another
    transaction holds is left out: who waits for nobody is in no circle of waiting.
    """
    users, photos, types = zip(*heard, strict=True)
    told = (
        func.unnest(
            bindparam("users", users, ARRAY(BigInteger)), bindparam("photos", photos, ARRAY(BigInteger)),
            bindparam("types", types, ARRAY(Text)), bindparam("times", list(heard.values()), ARRAY(_TIME)),
        )
        .table_valued("user_id", "photo_id", "job_type", column("at", _TIME))
        .render_derived("told")
    )  # fmt: skip
    begun = (
        select(col(JobRow.id), told.c.at)
        .where(
            col(JobRow.user_id) == told.c.user_id, col(JobRow.photo_id) == told.c.photo_id,
            col(JobRow.job_type) == told.c.job_type, col(JobRow.status) == "queued", told.c.at >= _wanted_at,
        )
        .with_for_update(of=JobRow, skip_locked=True)
        .cte("begun")
    )  # fmt: skip
    rows = await session.execute(
        update(JobRow)
        .where(col(JobRow.id) == begun.c.id)
        .values(status="processing", started_at=begun.c.at)
        .returning(col(JobRow.user_id), col(JobRow.photo_id), col(JobRow.job_type))
    )
    return {Start(user_id, photo_id, cast(library.JobType, step)) for user_id, photo_id, step in rows}


async def end(
    session: AsyncSession, event: events.StepEnded, step: str, code: str | None = None, message: str | None = None
) -> None:
    """Marks a step as completed, or as failed when there is an error's code.

    A step begins neither before it was wanted nor after it has ended, though its worker's clock may be wrong, and a
    beginning may be noted after this transaction began, whose time the end has.
    """
    told = func.greatest(bindparam("began", event.began_at, _TIME), _wanted_at)
    began = func.coalesce(col(JobRow.started_at), told) if event.began_at else col(JobRow.started_at)
    await session.execute(
        update(JobRow)
        .where(col(JobRow.photo_id) == event.photo_id, col(JobRow.job_type) == step)
        .values(
            status="failed" if code else "completed",
            error_code=code,
            error_message=message,
            started_at=case((began.is_not(None), func.least(began, func.now()))),
            completed_at=func.now(),
        )
    )


async def find(session: AsyncSession, user_id: int, job_id: int) -> JobRow | None:
    statement = select(JobRow).where(col(JobRow.user_id) == user_id, col(JobRow.id) == job_id)
    return (await session.scalars(statement)).first()


async def queue_again(session: AsyncSession, photo_id: int, steps: Sequence[str], request_id: UUID) -> None:
    """The steps are as never begun, and wanted by that event. Only what had failed counts as one more try."""
    again = col(JobRow.retry_count) + cast_to(col(JobRow.status) == "failed", Integer)
    await session.execute(
        update(JobRow)
        .where(col(JobRow.photo_id) == photo_id, col(JobRow.job_type).in_(steps))
        .values(
            status="queued", retry_count=again, error_code=None, error_message=None, started_at=None,
            completed_at=None, asked_at=func.now(), asked_count=0, request_id=request_id,
        )
    )  # fmt: skip


async def first_failure(session: AsyncSession, photo_id: int) -> tuple[str, str]:
    """(code, message) of the step that failed first."""
    statement = (
        select(col(JobRow.error_code), col(JobRow.error_message))
        .where(col(JobRow.photo_id) == photo_id, col(JobRow.status) == "failed")
        .order_by(col(JobRow.completed_at), col(JobRow.id))
        .limit(1)
    )
    code, message = (await session.execute(statement)).one()
    return code or "", message or ""


async def statuses(session: AsyncSession, photo_id: int) -> list[str]:
    return list((await session.scalars(select(col(JobRow.status)).where(col(JobRow.photo_id) == photo_id))).all())


async def page(session: AsyncSession, request: library.ListJobs) -> tuple[Sequence[JobRow], int]:
    shown = select(col(PhotoRow.id)).where(col(PhotoRow.id) == col(JobRow.photo_id), col(PhotoRow.trashed_at).is_(None))
    mine: list[ColumnElement[bool]] = [col(JobRow.user_id) == request.user_id, shown.exists()]
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
    session: AsyncSession, step: str, event: Wanting, after: timedelta, arrived_before: datetime, limit: int
) -> Sequence[JobRow]:
    """Steps under way wanted by such an event that nobody is working on, as far as the broker knows, locked with their
    photos, which who ends a step locks first.

    ``after`` doubles with every time a step was asked for. ``arrived_before`` is the broker's word: of the events
    told before that moment the step's consumer holds none any more. It has handled them, or they were lost.
    """
    by_upload = event is catalog.PHOTO_UPLOADED
    it = (
        (OUTBOX.c.about == func.concat("photo/", col(JobRow.photo_id)))
        if by_upload
        else (OUTBOX.c.id == col(JobRow.request_id))
    )
    told = (
        select(OUTBOX.c.seq)
        .where(OUTBOX.c.subject == event.subject, it, OUTBOX.c.published_at < arrived_before)
        .exists()
    )
    # what somebody holds waits for the next round
    statement = (
        select(JobRow)
        .join(PhotoRow, (col(PhotoRow.id) == col(JobRow.photo_id)) & (col(PhotoRow.user_id) == col(JobRow.user_id)))
        .where(
            col(JobRow.status).in_(UNDER_WAY),
            col(JobRow.job_type) == step,
            col(JobRow.request_id).is_(None) if by_upload else col(JobRow.request_id).is_not(None),
            _wanted_at < func.now() - after * func.pow(2, col(JobRow.asked_count)),
            told,
        )
        .order_by(col(JobRow.created_at))
        .limit(limit)
        .with_for_update(of=(JobRow, PhotoRow), skip_locked=True)
    )
    return (await session.scalars(statement)).all()


async def mark_asked(session: AsyncSession, job_ids: Sequence[int]) -> None:
    await session.execute(
        update(JobRow)
        .where(col(JobRow.id).in_(job_ids))
        .values(
            status="queued",
            started_at=None,
            asked_at=func.now(),
            retry_count=col(JobRow.retry_count) + 1,
            asked_count=col(JobRow.asked_count) + 1,
        )
    )


async def finish(
    session: AsyncSession, photo_id: int, values: dict[str, Any], after: Sequence[str] = ("uploaded",)
) -> int | None:
    """Ends the photo's processing. Returns the outcome's version, None when it was in no status of ``after``: told once."""
    statement = (
        update(PhotoRow)
        .where(col(PhotoRow.id) == photo_id, col(PhotoRow.upload_status).in_(after))
        .values(
            processed_at=func.now(),
            updated_at=func.now(),
            outcome_version=col(PhotoRow.outcome_version) + 1,
            **values,
        )
        .returning(col(PhotoRow.outcome_version), col(PhotoRow.user_id), col(PhotoRow.trashed_at))
    )
    row = (await session.execute(statement)).first()
    if row is None:
        return None
    if row.trashed_at is None:
        changes.note(session, row.user_id, FEED, photo_id)
    return int(row.outcome_version)


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
