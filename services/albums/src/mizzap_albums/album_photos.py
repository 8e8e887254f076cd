"""SQL about the photos in an album. The caller has looked whether the asker sees the album, and locks it for changes.

A photo in the trash keeps its place: it is left out of what is shown, not of what is counted, ordered or ended."""

from collections.abc import Collection, Sequence
from typing import Any

from mizzap_common import hidden
from sqlalchemy import ARRAY, BigInteger, ColumnElement, bindparam, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_albums.models import AlbumPhotoRow, AlbumRow, FamilyMemberRow, SharedAlbumRow

GAP = 2**32
"""Between two positions when they are given: so often can the middle be halved before all are given anew."""

_NO_ROWS_HELD = {"synchronize_session": False}
"""Without it SQLAlchemy reads back what it changed, for objects that we don't have."""

_position = col(AlbumPhotoRow.position)
_photo = col(AlbumPhotoRow.photo_id)
_SHOWN = hidden.is_shown(_photo)


def _in(album_id: int) -> ColumnElement[bool]:
    return col(AlbumPhotoRow.album_id) == album_id


async def ids(session: AsyncSession, album_id: int) -> Sequence[int]:
    """Those shown, in the album's order."""
    statement = select(_photo).where(_in(album_id), _SHOWN).order_by(_position)
    return (await session.scalars(statement)).all()


async def places(session: AsyncSession, album_id: int) -> Sequence[tuple[int, bool]]:
    """All of the album's photos in its order, and whether each is shown."""
    statement = select(_photo, _SHOWN).where(_in(album_id)).order_by(_position)
    return [(row[0], row[1]) for row in await session.execute(statement)]


async def owners(session: AsyncSession, album_id: int, wanted: Collection[int]) -> dict[int, int]:
    """Those of the photos that are shown in the album, and whose they are."""
    statement = select(_photo, col(AlbumPhotoRow.owner_id)).where(_in(album_id), _photo.in_(wanted), _SHOWN)
    return {row[0]: row[1] for row in await session.execute(statement)}


async def count(session: AsyncSession, album_id: int) -> int:
    """All places that are taken, those of photos in the trash included."""
    statement = select(func.count()).select_from(AlbumPhotoRow).where(_in(album_id))
    return (await session.execute(statement)).scalar_one()


async def count_shown(session: AsyncSession, album_id: int) -> int:
    statement = select(func.count()).select_from(AlbumPhotoRow).where(_in(album_id), _SHOWN)
    return (await session.execute(statement)).scalar_one()


async def page(session: AsyncSession, album_id: int, limit: int, offset: int) -> Sequence[AlbumPhotoRow]:
    statement = select(AlbumPhotoRow).where(_in(album_id), _SHOWN).order_by(_position).limit(limit).offset(offset)
    return (await session.scalars(statement)).all()


async def originals_shared(session: AsyncSession, album_id: int, user_ids: Collection[int]) -> bool:
    """Whether the album is shared, with its originals, with a family that all of these users are in: nobody's originals
    go to a family that they don't know of."""
    inside = (
        select(func.count())
        .select_from(FamilyMemberRow)
        .where(
            col(FamilyMemberRow.family_id) == col(SharedAlbumRow.family_id),
            col(FamilyMemberRow.user_id).in_(user_ids),
            col(FamilyMemberRow.role).is_not(None),
        )
        .scalar_subquery()
    )
    statement = select(col(SharedAlbumRow.id)).where(
        col(SharedAlbumRow.album_id) == album_id,
        col(SharedAlbumRow.visibility) == "family",
        col(SharedAlbumRow.originals),
        inside == len(set(user_ids)),
    )
    return (await session.scalars(statement)).first() is not None


async def append(session: AsyncSession, album_id: int, owner_id: int, new: Sequence[int]) -> None:
    """Puts an owner's photos behind the others. None of them is in the album."""
    last = select(func.max(_position)).where(_in(album_id))
    start = (await session.execute(last)).scalar_one() or 0
    rows = [
        {"album_id": album_id, "photo_id": photo_id, "owner_id": owner_id, "position": start + number * GAP}
        for number, photo_id in enumerate(new, 1)
    ]
    await session.execute(insert(AlbumPhotoRow), rows)


def without_cover(gone: Collection[int]) -> dict[str, Any]:
    """The album's values once these photos have left it: none of them is its cover any more."""
    cover = col(AlbumRow.cover_photo_id)
    return {"cover_photo_id": case((cover.in_(gone), None), else_=cover)}


async def take_out(session: AsyncSession, album_id: int, photo_ids: Collection[int]) -> Sequence[int]:
    """Those of the photos that were in the album, and no longer are."""
    statement = delete(AlbumPhotoRow).where(_in(album_id), _photo.in_(photo_ids))
    return (await session.scalars(statement.returning(_photo))).all()


async def take_out_others(session: AsyncSession, album_id: int, owner_ids: Collection[int]) -> Sequence[int]:
    """Takes out all photos that are not of these owners."""
    statement = delete(AlbumPhotoRow).where(_in(album_id), col(AlbumPhotoRow.owner_id).not_in(owner_ids))
    return (await session.scalars(statement.returning(_photo))).all()


async def lock_albums_with(session: AsyncSession, owner_id: int, photo_id: int) -> Sequence[AlbumRow]:
    """All albums that the owner's photo is in, whosoever they are."""
    statement = (
        select(AlbumRow)
        .join(AlbumPhotoRow, col(AlbumPhotoRow.album_id) == col(AlbumRow.id))
        .where(_photo == photo_id, col(AlbumPhotoRow.owner_id) == owner_id)
        .order_by(col(AlbumRow.id))
        .with_for_update(of=AlbumRow)
    )
    return (await session.scalars(statement)).all()


async def arrange(session: AsyncSession, album_id: int, photo_ids: Sequence[int]) -> None:
    """Gives all photos of the album these places."""
    wanted = bindparam("ids", list(photo_ids), ARRAY(BigInteger))
    places = func.unnest(wanted).table_valued("photo_id", with_ordinality="place").render_derived("places")
    statement = update(AlbumPhotoRow).where(_in(album_id), _photo == places.c.photo_id)
    await session.execute(statement.values(position=places.c.place * GAP), execution_options=_NO_ROWS_HELD)


async def move(session: AsyncSession, album_id: int, photo_id: int, after: int | None) -> bool:
    """Puts a photo right behind another, or in front of all. False when it is seen to stand there: with others between
    that are in the trash it stays, so that they come back to where they were. Both are shown in the album."""
    now, before, behind = await _around(session, album_id, photo_id, after, _SHOWN)
    if (before is None or before < now) and (behind is None or now < behind):
        return False
    _, before, behind = await _around(session, album_id, photo_id, after)
    place = _between(before, behind)
    if place is None:
        await _spread(session, album_id)
        _, before, behind = await _around(session, album_id, photo_id, after)
        place = _between(before, behind)
    mine = _in(album_id) & (_photo == photo_id)
    await session.execute(update(AlbumPhotoRow).where(mine).values(position=place))
    return True


async def _around(
    session: AsyncSession, album_id: int, photo_id: int, after: int | None, *among: ColumnElement[bool]
) -> tuple[int, int | None, int | None]:
    """Where the photo stands, and the positions, of the photos ``among`` which it is looked for, that it is to stand
    between."""
    inside = _in(album_id)
    both = select(_photo, _position).where(inside, _photo.in_([photo_id, after]))
    known = {row[0]: row[1] for row in await session.execute(both)}
    before = None if after is None else known[after]
    next_one = select(func.min(_position)).where(inside, _photo != photo_id, *among)
    if before is not None:
        next_one = next_one.where(before < _position)
    return known[photo_id], before, (await session.execute(next_one)).scalar_one()


def _between(before: int | None, behind: int | None) -> int | None:
    """A position between two, None where there is no room."""
    if before is None or behind is None:
        return (behind - GAP if behind is not None else GAP) if before is None else before + GAP
    middle = (before + behind) // 2
    return middle if middle > before else None


async def _spread(session: AsyncSession, album_id: int) -> None:
    """Gives all positions anew, with room between them again."""
    in_order = func.row_number().over(order_by=_position).label("place")
    numbered = select(col(AlbumPhotoRow.id), in_order).where(_in(album_id)).subquery()
    statement = update(AlbumPhotoRow).where(col(AlbumPhotoRow.id) == numbered.c.id)
    await session.execute(statement.values(position=numbered.c.place * GAP), execution_options=_NO_ROWS_HELD)
