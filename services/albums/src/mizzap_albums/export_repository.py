"""All SQL of the albums service's part of an export."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_albums.models import AlbumPhotoRow, AlbumRow


async def albums_after(session: AsyncSession, user_id: int, after: int, limit: int) -> Sequence[int]:
    """The user's own albums whose id is greater, in the ids' order."""
    statement = select(col(AlbumRow.id)).where(col(AlbumRow.user_id) == user_id, col(AlbumRow.id) > after)
    return [row.id for row in await session.execute(statement.order_by(col(AlbumRow.id)).limit(limit))]


async def own_photos(session: AsyncSession, user_id: int, album_id: int) -> list[int]:
    """The user's own photos in the album, in its order: relatives' photos are not the user's to take along."""
    statement = (
        select(col(AlbumPhotoRow.photo_id))
        .join(AlbumRow, col(AlbumRow.id) == col(AlbumPhotoRow.album_id))
        .where(
            col(AlbumRow.user_id) == user_id,
            col(AlbumRow.id) == album_id,
            col(AlbumPhotoRow.owner_id) == user_id,
        )
        .order_by(col(AlbumPhotoRow.position))
    )
    return list((await session.scalars(statement)).all())
