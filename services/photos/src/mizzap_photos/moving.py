"""Photos on their way into the trash, out of it, and away for good: what each move does, and what is told of it.

For photos that the caller has locked by ``trash_repository.lock_with_partners``, in the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from mizzap_common import outbox, tombstones
from mizzap_common.contracts import catalog, events
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_photos import repository, trash_repository
from mizzap_photos.models import PhotoRow
from mizzap_photos.refusals import upload_again


async def into_trash(session: AsyncSession, user_id: int, photos: Sequence[PhotoRow], now: datetime) -> list[int]:
    """Ids of those that were not there before."""
    moved = [_id(row) for row in photos if row.trashed_at is None]
    versions = await trash_repository.move(session, user_id, moved, now)
    for photo_id in moved:
        trashed = events.PhotoTrashed(photo_id=photo_id, user_id=user_id, version=versions[photo_id])
        await outbox.add(session, catalog.PHOTO_TRASHED, trashed)
    await _count_anew(session, user_id, moved)
    return moved


async def out_of_trash(session: AsyncSession, user_id: int, photos: Sequence[PhotoRow]) -> list[int]:
    """Ids of those that were there."""
    moved = [_id(row) for row in photos if row.trashed_at is not None]
    versions = await trash_repository.move(session, user_id, moved, None)
    for photo_id in moved:
        restored = events.PhotoRestored(photo_id=photo_id, user_id=user_id, version=versions[photo_id])
        await outbox.add(session, catalog.PHOTO_RESTORED, restored)
    await _count_anew(session, user_id, moved)
    return moved


async def recall(session: AsyncSession, user_id: int, sha256: str, file_name: str) -> PhotoRow:
    """The photo that is there already; who sends it again wants it out of the trash.

    Raises Conflict UPLOAD_AGAIN when a deletion was quicker.
    """
    known = await repository.by_identity(session, user_id, sha256, file_name)
    if known is not None and known.trashed_at is not None:
        photos = await trash_repository.lock_with_partners(session, user_id, [_id(known)])
        await out_of_trash(session, user_id, photos)
        known = await repository.by_identity(session, user_id, sha256, file_name)
    if known is None:
        raise upload_again()
    return known


async def away(session: AsyncSession, user_id: int, photos: Sequence[PhotoRow]) -> list[int]:
    """Gone from here on; originals, renditions and vectors follow by event."""
    gone = [_id(row) for row in photos]
    partners = await trash_repository.partners_of(session, user_id, gone)
    await tombstones.bury_all(session, gone, user_id)
    await trash_repository.remove(session, user_id, gone)
    await repository.count_duplicates(session, user_id, partners)
    for row in photos:
        deleted = events.PhotoDeleted(
            photo_id=_id(row), user_id=user_id, sha256=row.hash_sha256, object_key=row.object_key
        )
        await outbox.add(session, catalog.PHOTO_DELETED, deleted)
    return gone


async def _count_anew(session: AsyncSession, user_id: int, moved: Sequence[int]) -> None:
    partners = await trash_repository.partners_of(session, user_id, moved)
    await repository.count_duplicates(session, user_id, {*moved, *partners})


def _id(row: PhotoRow) -> int:
    return cast(int, row.id)
