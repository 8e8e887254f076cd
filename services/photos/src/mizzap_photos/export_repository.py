"""All SQL of the photos service's part of an export."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_photos.models import PhotoRow


async def photos_after(session: AsyncSession, user_id: int, after: int, limit: int) -> Sequence[PhotoRow]:
    """The user's photos whose id is greater, in the ids' order, whatever state they are in."""
    statement = select(PhotoRow).where(col(PhotoRow.user_id) == user_id, col(PhotoRow.id) > after)
    return (await session.scalars(statement.order_by(col(PhotoRow.id)).limit(limit))).all()
