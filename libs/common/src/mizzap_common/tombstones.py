"""Tombstones: a deleted photo stays deleted, however late its processing comes to an end.

A worker first writes to places that are its own (objects, vectors), then asks ``is_buried`` in its final transaction
and takes its work back when the photo is gone. Whoever deletes buries first, then removes what there is. Both hold
the same lock until they commit, so one of the two sees the other.
"""

from collections.abc import Collection

from sqlalchemy import ARRAY, BigInteger, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_common.tables import TOMBSTONES

_LOCK_SPACE = 7_700_000
"""First key of the two-key advisory lock, so that photo ids don't meet other advisory locks of the database."""


async def bury(session: AsyncSession, photo_id: int, user_id: int) -> None:
    """Marks the photo as deleted, for ever. Waits for workers that are committing."""
    await _lock(session, photo_id)
    await session.execute(insert(TOMBSTONES).values(photo_id=photo_id, user_id=user_id).on_conflict_do_nothing())


async def bury_all(session: AsyncSession, photo_ids: Collection[int], user_id: int) -> None:
    """As ``bury`` for many photos at once."""
    await _lock_all(session, photo_ids)
    rows = [{"photo_id": photo_id, "user_id": user_id} for photo_id in photo_ids]
    if rows:
        await session.execute(insert(TOMBSTONES).values(rows).on_conflict_do_nothing())


async def is_buried(session: AsyncSession, photo_id: int) -> bool:
    """Whether the photo was deleted; the answer holds until this transaction ends."""
    await _lock(session, photo_id)
    found = await session.execute(select(TOMBSTONES.c.photo_id).where(TOMBSTONES.c.photo_id == photo_id))
    return found.first() is not None


async def buried_among(session: AsyncSession, photo_ids: Collection[int]) -> set[int]:
    """As ``is_buried`` for many photos at once: those of them that were deleted."""
    await _lock_all(session, photo_ids)
    found = await session.execute(select(TOMBSTONES.c.photo_id).where(TOMBSTONES.c.photo_id.in_(photo_ids)))
    return set(found.scalars())


async def _lock(session: AsyncSession, photo_id: int) -> None:
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK_SPACE, func.hashint8(photo_id))))


async def _lock_all(session: AsyncSession, photo_ids: Collection[int]) -> None:
    ids = func.unnest(bindparam("ids", list(photo_ids), ARRAY(BigInteger))).column_valued("id")
    # in the order of the keys, so that two such transactions never wait for each other
    keys = select(func.hashint8(ids).label("key")).distinct().order_by("key").subquery()
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK_SPACE, keys.c.key)))
