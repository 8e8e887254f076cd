"""All SQL about quotas. Who takes an original's lock takes it before the quota's row; nobody here commits."""

from collections.abc import Sequence

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_photos.models import OriginalRow, PhotoRow, QuotaRow

PREMIUM = "premium"


async def charge(session: AsyncSession, user_id: int, sha256: str, size_bytes: int, limit: int) -> bool:
    """Charges the user with an original, unless that was done before. False when it doesn't fit.

    The original is locked by the caller. The quota's row stays locked until the transaction ends, and the check is
    part of the very statement that changes it: nobody else's charge can come in between.
    """
    original = insert(OriginalRow).values(user_id=user_id, sha256=sha256, size_bytes=size_bytes)
    made = original.on_conflict_do_nothing().returning(col(OriginalRow.sha256))
    if (await session.execute(made)).first() is None:
        return True
    await _ensure(session, user_id)
    used = col(QuotaRow.used_bytes) + size_bytes
    charged = (
        update(QuotaRow)
        .where(col(QuotaRow.user_id) == user_id, or_(col(QuotaRow.tier) == PREMIUM, used <= limit))
        .values(used_bytes=used)
        .returning(col(QuotaRow.user_id))
    )
    return (await session.execute(charged)).first() is not None


async def release(session: AsyncSession, user_id: int, sha256: str) -> None:
    """Takes back what an original was charged with, once. The original is locked by the caller."""
    mine = (col(OriginalRow.user_id) == user_id, col(OriginalRow.sha256) == sha256)
    gone = await session.execute(delete(OriginalRow).where(*mine).returning(col(OriginalRow.size_bytes)))
    if (size_bytes := gone.scalar()) is not None:
        await session.execute(
            update(QuotaRow)
            .where(col(QuotaRow.user_id) == user_id)
            .values(used_bytes=col(QuotaRow.used_bytes) - size_bytes)
        )


async def is_charged(session: AsyncSession, user_id: int, sha256: str) -> bool:
    statement = select(OriginalRow).where(col(OriginalRow.user_id) == user_id, col(OriginalRow.sha256) == sha256)
    return (await session.scalars(statement)).first() is not None


async def find(session: AsyncSession, user_id: int) -> QuotaRow:
    """As it is in the database now; an unknown user has the free tier and stores nothing."""
    statement = select(QuotaRow).where(col(QuotaRow.user_id) == user_id).execution_options(populate_existing=True)
    return (await session.scalars(statement)).first() or QuotaRow(user_id=user_id)


async def lock(session: AsyncSession, user_id: int) -> QuotaRow:
    await _ensure(session, user_id)
    statement = select(QuotaRow).where(col(QuotaRow.user_id) == user_id).with_for_update()
    return (await session.scalars(statement.execution_options(populate_existing=True))).one()


async def set_tier(session: AsyncSession, user_id: int, tier: str, change: int) -> None:
    """Unless a later change is known already: two events may arrive in the wrong order."""
    told = {"tier": tier, "tier_change": change}
    statement = insert(QuotaRow).values(user_id=user_id, **told)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id"], set_=told, where=col(QuotaRow.tier_change) <= change
        )
    )


async def counts(session: AsyncSession, user_id: int) -> tuple[int, int]:
    """(photos, those in the trash)."""
    in_trash = col(PhotoRow.trashed_at).is_not(None)
    statement = select(func.count().filter(~in_trash), func.count().filter(in_trash)).where(
        col(PhotoRow.user_id) == user_id
    )
    photos, trash = (await session.execute(statement)).one()
    return photos, trash


async def users_after(session: AsyncSession, user_id: int, limit: int) -> Sequence[int]:
    """Users with photos or a quota, in order, behind this one."""
    known = select(col(QuotaRow.user_id)).union(select(col(PhotoRow.user_id))).subquery()
    statement = select(known.c.user_id).where(known.c.user_id > user_id).order_by(known.c.user_id).limit(limit)
    return (await session.scalars(statement)).all()


async def recount(session: AsyncSession, user_id: int) -> int:
    """Makes the quota what the originals say, and the originals complete. Returns by how many bytes it was wrong."""
    await _ensure(session, user_id)
    stored = (
        select(col(PhotoRow.user_id), col(PhotoRow.hash_sha256), func.max(col(PhotoRow.file_size)))
        .where(col(PhotoRow.user_id) == user_id)
        .group_by(col(PhotoRow.user_id), col(PhotoRow.hash_sha256))
    )
    complete = insert(OriginalRow).from_select(["user_id", "sha256", "size_bytes"], stored)
    # before the quota's row, as whoever charges does
    await session.execute(complete.on_conflict_do_nothing())
    # from here on nobody charges or releases; what others have not committed yet is neither in the sum nor in the row
    before = (
        await session.scalars(
            select(col(QuotaRow.used_bytes)).where(col(QuotaRow.user_id) == user_id).with_for_update()
        )
    ).one()
    total = select(func.coalesce(func.sum(col(OriginalRow.size_bytes)), 0)).where(col(OriginalRow.user_id) == user_id)
    used = int((await session.execute(total)).scalar_one())
    if used != before:
        await session.execute(update(QuotaRow).where(col(QuotaRow.user_id) == user_id).values(used_bytes=used))
    return used - before


async def _ensure(session: AsyncSession, user_id: int) -> None:
    await session.execute(insert(QuotaRow).values(user_id=user_id).on_conflict_do_nothing())
