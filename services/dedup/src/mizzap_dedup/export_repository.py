"""All SQL of the dedup service's part of an export."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_dedup.models import DuplicateRow


async def duplicates_after(session: AsyncSession, user_id: int, after: int, limit: int) -> Sequence[DuplicateRow]:
    """The user's pairs whose id is greater, in the ids' order, with what the user said of each."""
    statement = select(DuplicateRow).where(col(DuplicateRow.user_id) == user_id, col(DuplicateRow.id) > after)
    return (await session.scalars(statement.order_by(col(DuplicateRow.id)).limit(limit))).all()
