"""All SQL of the albums service's part of an export."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_albums.models import AlbumPhotoRow, AlbumRow
from mizzap_albums.repository import Overview


async def albums_after(session: AsyncSession, user_id: int, after: int, limit: int) -> list[Overview]:
    """The user's own albums whose id is greater, in the ids' order."""
    inside = col(AlbumPhotoRow.album_id) == col(AlbumRow.id)
    count = select(func.count()).select_from(AlbumPhotoRow).where(inside).scalar_subquery()
    first = select(col(AlbumPhotoRow.photo_id)).where(inside).order_by(col(AlbumPhotoRow.position)).limit(1)
    statement = select(AlbumRow, count, first.scalar_subquery()).where(
        col(AlbumRow.user_id) == user_id, col(AlbumRow.id) > after
    )
    rows = await session.execute(statement.order_by(col(AlbumRow.id)).limit(limit))
    return [Overview(*row) for row in rows]
