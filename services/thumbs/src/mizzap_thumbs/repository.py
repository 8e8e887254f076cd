"""All SQL of the thumbs service. The caller's transaction commits."""

from collections.abc import Sequence

from mizzap_common import changes
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_thumbs.models import RenditionRow

_MADE = ("width", "height", "size_bytes", "object_key", "etag")


async def store(session: AsyncSession, renditions: Sequence[RenditionRow]) -> None:
    """Stores the renditions of a photo; those of the same sides are replaced."""
    for user_id in {rendition.user_id for rendition in renditions}:
        changes.touch(session, user_id)
    statement = insert(RenditionRow).values([r.model_dump(exclude={"id", "created_at"}) for r in renditions])
    await session.execute(
        statement.on_conflict_do_update(
            constraint="renditions_identity", set_={name: statement.excluded[name] for name in _MADE}
        )
    )


async def find(session: AsyncSession, user_id: int, photo_id: int, side: int) -> RenditionRow | None:
    statement = select(RenditionRow).where(
        col(RenditionRow.user_id) == user_id, col(RenditionRow.photo_id) == photo_id, col(RenditionRow.side) == side
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def count(session: AsyncSession, user_id: int) -> int:
    statement = select(func.count()).select_from(RenditionRow).where(col(RenditionRow.user_id) == user_id)
    return (await session.execute(statement)).scalar_one()


async def remove(session: AsyncSession, user_id: int, photo_id: int) -> None:
    changes.touch(session, user_id)
    await session.execute(
        delete(RenditionRow).where(col(RenditionRow.user_id) == user_id, col(RenditionRow.photo_id) == photo_id)
    )
