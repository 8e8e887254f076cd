"""``python -m mizzap_photos rotate-keys``: seals every location anew with the key ring's current key, and has photos
found by its first index key."""

import asyncio
import sys
from collections.abc import Sequence

import structlog
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_photos import locations, repository
from mizzap_photos.locations import sealed_anew
from mizzap_photos.models import PhotoRow
from mizzap_photos.settings import PhotosSettings
from mizzap_photos.towns import towns

_BATCH = 500

log = structlog.get_logger(__name__)


def rotate_keys(settings: PhotosSettings, words: Sequence[str]) -> None:
    """May be stopped and begun again at any time, beside the running service; an old key may go when it has ended."""
    if words:
        sys.exit("usage: python -m mizzap_photos rotate-keys")
    asyncio.run(_rotate(settings))


async def _rotate(settings: PhotosSettings) -> None:
    database = Database(settings.database_url.get_secret_value(), pool=1)
    try:
        await reseal(database, KeyRing.from_file(settings.key_ring_file))
    finally:
        await database.close()


async def reseal(database: Database, ring: KeyRing, batch: int = _BATCH) -> int:
    """Returns how many photos had something sealed or found with another key. Raises SealBroken where that key is gone."""
    done = last = 0
    while True:
        async with database.begin() as session:
            statement = (
                select(PhotoRow)
                .where(
                    col(PhotoRow.id) > last, or_(col(PhotoRow.location).is_not(None), col(PhotoRow.place).is_not(None))
                )
                .order_by(col(PhotoRow.id))
                .limit(batch)
                .with_for_update()
            )
            rows = (await session.scalars(statement)).all()
            for row in rows:
                anew = sealed_anew(ring, row)
                if anew:
                    await session.execute(update(PhotoRow).where(col(PhotoRow.id) == row.id).values(**anew))
                if await _found_anew(session, ring, row) or anew:
                    done += 1
        if not rows:
            log.info("keys rotated", sealed_anew=done, key=ring.current)
            return done
        last = rows[-1].id or 0
        log.info("rotating keys", sealed_anew=done, up_to_photo=last)


async def _found_anew(session: AsyncSession, ring: KeyRing, row: PhotoRow) -> bool:
    """Whether the photo was found by something else than its place is found by now."""
    if not ring.changes_index or row.id is None:
        return False
    where = locations.opened(ring, row)
    town = towns().nearest(where["latitude"], where["longitude"]) if where["latitude"] is not None else None
    tokens = locations.tokens(ring, row.user_id, town.terms if town else ())
    if set(tokens) == set(await repository.place_tokens(session, row.user_id, row.id)):
        return False
    await repository.put_place(session, row.user_id, row.id, tokens)
    return True
