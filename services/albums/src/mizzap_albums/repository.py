"""SQL about albums, and who sees them. Every query says whose eyes it looks with; the caller's transaction commits.

Locks are taken in one order, so that nobody waits in a circle: the users' and the photos' (tombstones) first, then a
family's, then the albums' rows by their ids. The change feed's come last.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mizzap_common import hidden
from mizzap_common.contracts.albums import AlbumRole
from sqlalchemy import ColumnElement, CompoundSelect, Select, case, delete, func, literal, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_albums.models import AlbumPhotoRow, AlbumRow, FamilyMemberRow, SharedAlbumRow


@dataclass(frozen=True)
class Overview:
    """An album with what is known of its photos, those in the trash aside; ``first_photo_id`` is None when it is
    empty, ``cover_photo_id`` when none is chosen."""

    album: AlbumRow
    role: AlbumRole
    photo_count: int
    first_photo_id: int | None
    cover_photo_id: int | None


def _grants() -> ColumnElement[bool]:
    """What joins a share with the members who see the album by it. The whole access rule but for the owner."""
    return (
        (col(FamilyMemberRow.family_id) == col(SharedAlbumRow.family_id))
        & (col(SharedAlbumRow.visibility) == "family")
        & col(FamilyMemberRow.role).is_not(None)
    )


def visible(user_id: int) -> CompoundSelect[int]:
    """Ids of the albums that the user sees: own ones, and those shared with a family of theirs."""
    shared = select(col(SharedAlbumRow.album_id)).join(FamilyMemberRow, _grants())
    return union_all(
        select(col(AlbumRow.id)).where(col(AlbumRow.user_id) == user_id),
        shared.where(col(FamilyMemberRow.user_id) == user_id),
    )


def _best_role() -> ColumnElement[str]:
    """Whoever is in two families that see the album is what the better of the two allows."""
    as_member = col(FamilyMemberRow.role).in_(("owner", "member"))
    return case((func.bool_or(as_member), "member"), else_="viewer")


def _role(user_id: int) -> ColumnElement[str]:
    """What the user is in an album, of those that are visible."""
    by_families = (
        select(_best_role())
        .select_from(SharedAlbumRow)
        .join(FamilyMemberRow, _grants())
        .where(col(SharedAlbumRow.album_id) == col(AlbumRow.id), col(FamilyMemberRow.user_id) == user_id)
        .correlate(AlbumRow)
        .scalar_subquery()
    )
    return case((col(AlbumRow.user_id) == user_id, literal("owner")), else_=by_families)


def _is(user_id: int, album_id: int) -> ColumnElement[bool]:
    return (col(AlbumRow.id) == album_id) & col(AlbumRow.id).in_(visible(user_id))


def _overviews(user_id: int) -> Select[AlbumRow, str, int, int | None, int | None]:
    shown = hidden.is_shown(col(AlbumPhotoRow.photo_id))
    inside = (col(AlbumPhotoRow.album_id) == col(AlbumRow.id)) & shown
    count = select(func.count()).select_from(AlbumPhotoRow).where(inside).scalar_subquery()
    in_order = select(col(AlbumPhotoRow.photo_id)).where(inside).order_by(col(AlbumPhotoRow.position))
    seen = col(AlbumRow.id).in_(visible(user_id))
    first = in_order.limit(1).scalar_subquery()
    # looked for in the album: a cover in the trash is not shown
    chosen = select(col(AlbumPhotoRow.photo_id)).where(
        inside, col(AlbumPhotoRow.photo_id) == col(AlbumRow.cover_photo_id)
    )
    return select(AlbumRow, _role(user_id), count, first, chosen.scalar_subquery()).where(seen)


def _overview(row: Any) -> Overview:
    return Overview(*row)


async def create(session: AsyncSession, user_id: int, name: str, description: str | None) -> AlbumRow:
    album = AlbumRow(user_id=user_id, name=name, description=description)
    session.add(album)
    await session.flush()
    return album


async def role(session: AsyncSession, user_id: int, album_id: int) -> AlbumRole | None:
    """None for whoever must not know that the album exists."""
    statement = select(_role(user_id)).select_from(AlbumRow).where(_is(user_id, album_id))
    return cast(AlbumRole | None, (await session.scalars(statement)).first())


async def lock(session: AsyncSession, user_id: int, album_id: int) -> AlbumRow | None:
    """The album, which nobody else changes until this transaction ends. Whether the user still sees it must be asked
    anew: that may have ended while we waited."""
    statement = select(AlbumRow).where(_is(user_id, album_id)).with_for_update(of=AlbumRow)
    return (await session.scalars(statement)).first()


async def overviews(session: AsyncSession, user_id: int, album_ids: Collection[int]) -> dict[int, Overview]:
    """Those of the albums that the user sees."""
    statement = _overviews(user_id).where(col(AlbumRow.id).in_(album_ids))
    rows = await session.execute(statement.execution_options(populate_existing=True))
    return {cast(int, row[0].id): _overview(row) for row in rows}


async def page(
    session: AsyncSession, user_id: int, shared: bool | None, limit: int, offset: int
) -> tuple[list[Overview], int]:
    """The newest first, and how many there are in all."""
    wanted: list[ColumnElement[bool]] = []
    if shared is not None:
        wanted.append(col(AlbumRow.visibility) == ("shared" if shared else "private"))
    newest_first = (col(AlbumRow.created_at).desc(), col(AlbumRow.id).desc())
    statement = _overviews(user_id).where(*wanted).order_by(*newest_first).limit(limit).offset(offset)
    rows = (await session.execute(statement)).all()
    seen = col(AlbumRow.id).in_(visible(user_id))
    total = await session.execute(select(func.count()).select_from(AlbumRow).where(seen, *wanted))
    return [_overview(row) for row in rows], total.scalar_one()


async def change(session: AsyncSession, album_id: int, values: Mapping[str, Any]) -> None:
    """The album, locked by the caller, is a new version of itself."""
    new = {**values, "version": col(AlbumRow.version) + 1, "updated_at": func.now()}
    statement = update(AlbumRow).where(col(AlbumRow.id) == album_id).values(new)
    await session.execute(statement, execution_options={"synchronize_session": False})


async def delete_album(session: AsyncSession, album_id: int) -> None:
    await session.execute(delete(AlbumRow).where(col(AlbumRow.id) == album_id))


async def viewers(session: AsyncSession, album_ids: Sequence[int]) -> dict[int, dict[int, AlbumRole]]:
    """Who sees the albums beside their owners: for each album what the users are in it."""
    statement = (
        select(col(AlbumRow.id), col(FamilyMemberRow.user_id), _best_role())
        .join(SharedAlbumRow, col(SharedAlbumRow.album_id) == col(AlbumRow.id))
        .join(FamilyMemberRow, _grants())
        .where(col(AlbumRow.id).in_(album_ids), col(FamilyMemberRow.user_id) != col(AlbumRow.user_id))
        .group_by(col(AlbumRow.id), col(FamilyMemberRow.user_id))
    )
    found: dict[int, dict[int, AlbumRole]] = {album_id: {} for album_id in album_ids}
    row: Any
    for row in await session.execute(statement):
        album_id, user_id, best = row
        found[album_id][user_id] = best
    return found
