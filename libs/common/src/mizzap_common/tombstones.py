"""Tombstones: a deleted photo stays deleted, however late its processing comes to an end, and so does an erased user.

A worker first writes to places that are its own (objects, vectors), then asks ``is_buried`` in its final transaction
and takes its work back when the photo, or its owner, is gone. Whoever deletes buries first, then removes what there
is. Both hold the same lock until they commit, so one of the two sees the other.

That an event's user is gone, `Database.effect` asks by itself.
"""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ARRAY, BigInteger, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_common.tables import TOMBSTONES, USER_TOMBSTONES

_LOCK_SPACE = 7_700_000
"""First key of the two-key advisory lock, so that photo ids don't meet other advisory locks of the database."""
_USER_LOCK_SPACE = 7_700_008


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


async def is_buried(session: AsyncSession, photo_id: int, user_id: int) -> bool:
    """Whether the photo was deleted or its owner erased; the answer holds until this transaction ends."""
    # users before photos, as everywhere: nobody waits in a circle
    if await is_user_buried(session, user_id):
        return True
    await _lock(session, photo_id)
    found = await session.execute(select(TOMBSTONES.c.photo_id).where(TOMBSTONES.c.photo_id == photo_id))
    return found.first() is not None


async def buried_among(session: AsyncSession, photo_ids: Collection[int], user_id: int) -> set[int]:
    """As ``is_buried`` for many photos of one owner at once: those of them that are gone."""
    if await is_user_buried(session, user_id):
        return set(photo_ids)
    await _lock_all(session, photo_ids)
    found = await session.execute(select(TOMBSTONES.c.photo_id).where(TOMBSTONES.c.photo_id.in_(photo_ids)))
    return set(found.scalars())


async def bury_user(session: AsyncSession, user_id: int) -> None:
    """Marks the user as erased, for ever. Waits for everybody who is committing something of the user's.

    To be the first thing of a transaction of its own, which then waits for nothing else while others wait for it.
    """
    await session.execute(select(func.pg_advisory_xact_lock(_USER_LOCK_SPACE, func.hashint8(user_id))))
    await session.execute(insert(USER_TOMBSTONES).values(user_id=user_id).on_conflict_do_nothing())


async def is_user_buried(session: AsyncSession, user_id: int) -> bool:
    """Whether the user was erased; the answer holds until this transaction ends.

    The lock is shared: those who work for the same user don't wait for each other, only for the erasure.
    """
    await session.execute(select(func.pg_advisory_xact_lock_shared(_USER_LOCK_SPACE, func.hashint8(user_id))))
    # a statement of its own: the lock's would look at the table as it was before the wait
    found = await session.execute(select(USER_TOMBSTONES.c.user_id).where(USER_TOMBSTONES.c.user_id == user_id))
    return found.first() is not None


async def buried_users_among(session: AsyncSession, user_ids: Collection[int]) -> set[int]:
    """As ``is_user_buried`` for several users at once: those of them who were erased."""
    await _lock_all(session, user_ids, _USER_LOCK_SPACE, func.pg_advisory_xact_lock_shared)
    found = await session.execute(select(USER_TOMBSTONES.c.user_id).where(USER_TOMBSTONES.c.user_id.in_(user_ids)))
    return set(found.scalars())


async def _lock(session: AsyncSession, photo_id: int) -> None:
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK_SPACE, func.hashint8(photo_id))))


async def _lock_all(
    session: AsyncSession,
    wanted: Collection[int],
    space: int = _LOCK_SPACE,
    lock: Callable[..., Any] = func.pg_advisory_xact_lock,
) -> None:
    ids = func.unnest(bindparam("ids", list(wanted), ARRAY(BigInteger))).column_valued("id")
    # in the order of the keys, so that two such transactions never wait for each other
    keys = select(func.hashint8(ids).label("key")).distinct().order_by("key").subquery()
    await session.execute(select(lock(space, keys.c.key)))
