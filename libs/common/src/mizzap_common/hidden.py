"""Photos in the trash: hidden in every service that hears of it, and shown again as they were when they come back.

A service that shows photos has this table beside its own. What is told of a photo carries the photo's own rising
version, so that of two events that arrive in the wrong order the later word counts. The photo's lock is the
tombstones': a worker that has asked ``tombstones.is_buried`` also sees the photo's last word here.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, MetaData, SQLColumnExpression, Table, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_common import tombstones
from mizzap_common.contracts.events import PhotoTrashed

_metadata = MetaData()

HIDDEN_PHOTOS = Table(
    "hidden_photos",
    _metadata,
    Column("photo_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, comment="of the last word about the photo"),
    Column("hidden", Boolean, nullable=False),
)


def add_to(service_metadata: MetaData) -> None:
    """Makes the table part of a service's own metadata."""
    HIDDEN_PHOTOS.to_metadata(service_metadata)


async def tell(session: AsyncSession, photo: PhotoTrashed, hidden: bool) -> bool:
    """Notes that the photo was trashed or restored.

    False when that is no news: a later word about it is known, or the photo was deleted.
    """
    if await tombstones.is_buried(session, photo.photo_id, photo.user_id):
        return False
    statement = insert(HIDDEN_PHOTOS).values(
        photo_id=photo.photo_id, user_id=photo.user_id, version=photo.version, hidden=hidden
    )
    newer = statement.on_conflict_do_update(
        index_elements=["photo_id"],
        set_={name: statement.excluded[name] for name in ("version", "hidden")},
        where=HIDDEN_PHOTOS.c.version < statement.excluded.version,
    )
    return (await session.execute(newer.returning(HIDDEN_PHOTOS.c.photo_id))).first() is not None


async def forget(session: AsyncSession, user_id: int, photo_id: int) -> None:
    """For a photo that was deleted. Its tombstone keeps late words out."""
    mine = (HIDDEN_PHOTOS.c.user_id == user_id, HIDDEN_PHOTOS.c.photo_id == photo_id)
    await session.execute(delete(HIDDEN_PHOTOS).where(*mine))


async def hidden_among(session: AsyncSession, user_id: int, photo_ids: Collection[int]) -> set[int]:
    mine = (HIDDEN_PHOTOS.c.user_id == user_id, HIDDEN_PHOTOS.c.photo_id.in_(photo_ids), HIDDEN_PHOTOS.c.hidden)
    return set((await session.execute(select(HIDDEN_PHOTOS.c.photo_id).where(*mine))).scalars())


async def all_hidden(session: AsyncSession, user_id: int) -> set[int]:
    """The user's whole trash, as far as it was heard of."""
    mine = (HIDDEN_PHOTOS.c.user_id == user_id, HIDDEN_PHOTOS.c.hidden)
    return set((await session.execute(select(HIDDEN_PHOTOS.c.photo_id).where(*mine))).scalars())


def is_shown(photo_id: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """A condition for queries: the photo of that column is not in the trash."""
    return (
        ~select(HIDDEN_PHOTOS.c.photo_id).where(HIDDEN_PHOTOS.c.photo_id == photo_id, HIDDEN_PHOTOS.c.hidden).exists()
    )
