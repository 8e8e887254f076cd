"""All SQL of the albums service. Every query names the owner; the caller's transaction commits.

Locks are taken in one order, so that nobody waits in a circle: the photos' (tombstones) first, then the albums'
rows by their ids.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mizzap_common import hidden
from sqlalchemy import ColumnElement, Select, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_albums.models import AlbumPhotoRow, AlbumRow


@dataclass(frozen=True)
class Overview:
    """An album with what is known of its photos, those in the trash aside; ``first_photo_id`` is None when it is
    empty, ``cover_photo_id`` when none is chosen."""

    album: AlbumRow
    photo_count: int
    first_photo_id: int | None
    cover_photo_id: int | None


def _is(user_id: int, album_id: int) -> ColumnElement[bool]:
    return (col(AlbumRow.user_id) == user_id) & (col(AlbumRow.id) == album_id)


_SHOWN = hidden.is_shown(col(AlbumPhotoRow.photo_id))


def _overviews(user_id: int) -> Select[AlbumRow, int, int | None, int | None]:
    inside = (col(AlbumPhotoRow.album_id) == col(AlbumRow.id)) & _SHOWN
    count = select(func.count()).select_from(AlbumPhotoRow).where(inside).scalar_subquery()
    in_order = select(col(AlbumPhotoRow.photo_id)).where(inside).order_by(col(AlbumPhotoRow.position))
    cover = case((hidden.is_shown(col(AlbumRow.cover_photo_id)), col(AlbumRow.cover_photo_id)))
    return select(AlbumRow, count, in_order.limit(1).scalar_subquery(), cover).where(col(AlbumRow.user_id) == user_id)


def _photos(user_id: int, album_id: int) -> Select[int]:
    return select(col(AlbumPhotoRow.photo_id)).join(AlbumRow).where(_is(user_id, album_id))


async def create(session: AsyncSession, user_id: int, name: str, description: str | None) -> int:
    album = AlbumRow(user_id=user_id, name=name, description=description)
    session.add(album)
    await session.flush()
    assert album.id is not None
    return album.id


async def lock(session: AsyncSession, user_id: int, album_id: int) -> AlbumRow | None:
    """The album, which nobody else changes until this transaction ends."""
    return (await session.scalars(select(AlbumRow).where(_is(user_id, album_id)).with_for_update())).first()


async def overview(session: AsyncSession, user_id: int, album_id: int) -> Overview | None:
    statement = _overviews(user_id).where(col(AlbumRow.id) == album_id).execution_options(populate_existing=True)
    row = (await session.execute(statement)).first()
    return Overview(*row) if row else None


async def albums_after(session: AsyncSession, user_id: int, after: int, limit: int) -> list[Overview]:
    """The user's own albums whose id is greater, in the ids' order."""
    statement = _overviews(user_id).where(col(AlbumRow.id) > after).order_by(col(AlbumRow.id)).limit(limit)
    return [Overview(*row) for row in (await session.execute(statement)).all()]


async def page(session: AsyncSession, user_id: int, limit: int, offset: int) -> tuple[list[Overview], int]:
    """The newest first, and how many there are in all."""
    newest_first = (col(AlbumRow.created_at).desc(), col(AlbumRow.id).desc())
    rows = (await session.execute(_overviews(user_id).order_by(*newest_first).limit(limit).offset(offset))).all()
    mine = select(func.count()).select_from(AlbumRow).where(col(AlbumRow.user_id) == user_id)
    return [Overview(*row) for row in rows], (await session.execute(mine)).scalar_one()


async def photo_ids(session: AsyncSession, user_id: int, album_id: int) -> Sequence[int]:
    """In the album's order."""
    statement = _photos(user_id, album_id).where(_SHOWN).order_by(col(AlbumPhotoRow.position))
    return (await session.scalars(statement)).all()


async def count(session: AsyncSession, user_id: int, album_id: int) -> int:
    """All places that are taken, those of photos in the trash included."""
    statement = select(func.count()).select_from(_photos(user_id, album_id).subquery())
    return (await session.execute(statement)).scalar_one()


async def albums_with(session: AsyncSession, user_id: int, photo_id: int) -> Sequence[int]:
    """The user's albums that the photo has a place in, locked, in the order of their ids."""
    statement = _holding(user_id, photo_id)
    return (await session.scalars(statement)).all()


def _holding(user_id: int, photo_id: int) -> Select[int]:
    return (
        select(col(AlbumPhotoRow.album_id))
        .join(AlbumRow)
        .where(col(AlbumRow.user_id) == user_id, col(AlbumPhotoRow.photo_id) == photo_id)
        .order_by(col(AlbumRow.id))
        .with_for_update(of=AlbumRow)
    )


async def contained(session: AsyncSession, user_id: int, album_id: int, wanted: Collection[int]) -> set[int]:
    """Those of the photos that are in the album."""
    statement = _photos(user_id, album_id).where(col(AlbumPhotoRow.photo_id).in_(wanted))
    return set((await session.scalars(statement)).all())


async def append(session: AsyncSession, user_id: int, album_id: int, new: Sequence[int]) -> None:
    """Puts photos behind the others. The album is locked by the caller, and none of them is in it."""
    last = select(func.max(col(AlbumPhotoRow.position))).join(AlbumRow).where(_is(user_id, album_id))
    start = ((await session.execute(last)).scalar_one() or 0) + 1
    rows = [
        {"album_id": album_id, "photo_id": photo_id, "position": position}
        for position, photo_id in enumerate(new, start)
    ]
    await session.execute(insert(AlbumPhotoRow), rows)


async def change(session: AsyncSession, user_id: int, album_id: int, values: Mapping[str, Any]) -> None:
    await session.execute(update(AlbumRow).where(_is(user_id, album_id)).values(updated_at=func.now(), **values))


async def delete_album(session: AsyncSession, user_id: int, album_id: int) -> bool:
    """False when there is none."""
    statement = delete(AlbumRow).where(_is(user_id, album_id)).returning(col(AlbumRow.id))
    return (await session.execute(statement)).first() is not None


async def take_out(session: AsyncSession, user_id: int, photo_id: int, album_id: int | None = None) -> Sequence[int]:
    """Takes a photo out of the album, or of all the user's, as cover too. Returns the albums that it was in."""
    statement = _holding(user_id, photo_id)
    if album_id is not None:
        # by its owner's hand: what is in the trash is not there to be taken out
        statement = statement.where(col(AlbumRow.id) == album_id, _SHOWN)
    found = (await session.scalars(statement)).all()
    await session.execute(
        delete(AlbumPhotoRow).where(col(AlbumPhotoRow.album_id).in_(found), col(AlbumPhotoRow.photo_id) == photo_id)
    )
    await session.execute(
        update(AlbumRow)
        .where(col(AlbumRow.user_id) == user_id, col(AlbumRow.id).in_(found))
        .values(updated_at=func.now(), cover_photo_id=func.nullif(col(AlbumRow.cover_photo_id), photo_id))
    )
    return found
