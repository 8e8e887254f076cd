"""All SQL about the trash. Every query but the purge's names the owner; nobody here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime

from mizzap_common import changes
from mizzap_common.contracts import keeping
from sqlalchemy import DateTime, Interval, bindparam, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_photos import repository
from mizzap_photos.models import PairRow, PhotoRow, QuotaRow
from mizzap_photos.quotas_repository import PREMIUM
from mizzap_photos.trash_times import TrashTimes


async def lock_with_partners(session: AsyncSession, user_id: int, photo_ids: Collection[int]) -> list[PhotoRow]:
    """Those of the photos that are this user's, locked, in the order of their ids.

    What they are duplicates of is locked with them, as it is counted anew afterwards: all in one order.
    """
    partners = await partners_of(session, user_id, photo_ids)
    locked = await repository.lock_photos(session, user_id, sorted({*photo_ids, *partners}))
    return [row for row in locked if row.id in photo_ids]


async def partners_of(session: AsyncSession, user_id: int, photo_ids: Collection[int]) -> set[int]:
    """The photos' other halves in the duplicate pairs that stand."""
    first, second = col(PairRow.primary_photo_id), col(PairRow.duplicate_photo_id)
    statement = select(first, second).where(
        col(PairRow.user_id) == user_id, col(PairRow.active), or_(first.in_(photo_ids), second.in_(photo_ids))
    )
    return {number for pair in await session.execute(statement) for number in pair} - set(photo_ids)


async def move(session: AsyncSession, user_id: int, photo_ids: Sequence[int], to: datetime | None) -> dict[int, int]:
    """Into the trash at that time, or out of it. Returns each photo's new version. The photos are locked."""
    statement = (
        update(PhotoRow)
        .where(col(PhotoRow.user_id) == user_id, col(PhotoRow.id).in_(photo_ids))
        .values(trashed_at=to, trash_version=col(PhotoRow.trash_version) + 1, updated_at=func.now())
        .returning(col(PhotoRow.id), col(PhotoRow.trash_version))
    )
    versions = {row.id: row.trash_version for row in await session.execute(statement)}
    changes.note(session, user_id, repository.FEED, *versions, deleted=to is not None)
    return versions


async def remove(session: AsyncSession, user_id: int, photo_ids: Sequence[int]) -> None:
    """The photos with their jobs, and the pairs they stood in."""
    await session.execute(delete(PhotoRow).where(col(PhotoRow.user_id) == user_id, col(PhotoRow.id).in_(photo_ids)))
    changes.note(session, user_id, repository.FEED, *photo_ids, deleted=True)
    touched = or_(col(PairRow.primary_photo_id).in_(photo_ids), col(PairRow.duplicate_photo_id).in_(photo_ids))
    await session.execute(
        update(PairRow).where(col(PairRow.user_id) == user_id, touched, col(PairRow.active)).values(active=False)
    )


async def page(session: AsyncSession, request: keeping.ListTrash) -> tuple[Sequence[PhotoRow], int]:
    """What was put there last comes first."""
    mine = (col(PhotoRow.user_id) == request.user_id, col(PhotoRow.trashed_at).is_not(None))
    statement = (
        select(PhotoRow)
        .where(*mine)
        .order_by(col(PhotoRow.trashed_at).desc(), col(PhotoRow.id).desc())
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    total = (await session.execute(select(func.count()).select_from(PhotoRow).where(*mine))).scalar_one()
    return (await session.scalars(statement)).all(), total


async def due(session: AsyncSession, times: TrashTimes, now: datetime, limit: int) -> dict[int, dict[int, datetime]]:
    """By user and photo, since when those lie in the trash whose time there is over."""
    longest = case((col(QuotaRow.tier) == PREMIUM, times.premium), else_=times.free)
    chosen = func.make_interval(0, 0, 0, col(QuotaRow.trash_days))
    # NULL, where nothing was chosen, is never the least
    kept_since = bindparam("now", now, DateTime(timezone=True)) - func.least(longest, chosen, type_=Interval)
    statement = (
        select(col(PhotoRow.user_id), col(PhotoRow.id), col(PhotoRow.trashed_at))
        .outerjoin(QuotaRow, col(QuotaRow.user_id) == col(PhotoRow.user_id))
        # the first is what the index knows
        .where(col(PhotoRow.trashed_at) <= now - times.shortest, col(PhotoRow.trashed_at) <= kept_since)
        .order_by(col(PhotoRow.trashed_at), col(PhotoRow.id))
        .limit(limit)
    )
    found: dict[int, dict[int, datetime]] = {}
    for row in await session.execute(statement):
        found.setdefault(row.user_id, {})[row.id] = row.trashed_at
    return found
