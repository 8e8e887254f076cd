"""SQL about families, as far as events have told of them, and about the albums shared with them."""

from collections.abc import Collection, Mapping, Sequence

from mizzap_common.contracts.events import FamilyRole
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_albums.models import AlbumRow, DeletedFamilyRow, FamilyMemberRow, SharedAlbumRow

_LOCK_SPACE = 7_700_009


async def lock(session: AsyncSession, family_id: int) -> None:
    """Until this transaction ends nobody else joins or leaves the family, or shares an album with it: whoever does one
    of them tells those whom the other has let in."""
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK_SPACE, func.hashint8(family_id))))


async def lock_albums(session: AsyncSession, family_id: int) -> Sequence[AlbumRow]:
    """All albums that are shared with the family, hidden ones too."""
    statement = (
        select(AlbumRow)
        .join(SharedAlbumRow, col(SharedAlbumRow.album_id) == col(AlbumRow.id))
        .where(col(SharedAlbumRow.family_id) == family_id)
        .order_by(col(AlbumRow.id))
        .with_for_update(of=AlbumRow)
    )
    return (await session.scalars(statement)).all()


# --- members --------------------------------------------------------------------------------------------------------


async def is_member(session: AsyncSession, family_id: int, user_id: int) -> bool:
    statement = select(col(FamilyMemberRow.family_id)).where(
        col(FamilyMemberRow.family_id) == family_id,
        col(FamilyMemberRow.user_id) == user_id,
        col(FamilyMemberRow.role).is_not(None),
    )
    return (await session.scalars(statement)).first() is not None


async def put_roles(
    session: AsyncSession, family_id: int, change: int, roles: Mapping[int, FamilyRole | None]
) -> Collection[int]:
    """What these users are in the family since ``change``; None for who has left. What is known of a later change
    stays, and a deleted family has no members. Returns those for whom it counted."""
    gone = select(col(DeletedFamilyRow.family_id)).where(col(DeletedFamilyRow.family_id) == family_id)
    if not roles or (await session.scalars(gone)).first() is not None:
        return ()
    rows = [
        {"family_id": family_id, "user_id": user_id, "role": role, "change": change} for user_id, role in roles.items()
    ]
    statement = insert(FamilyMemberRow).values(rows)
    statement = statement.on_conflict_do_update(
        index_elements=["family_id", "user_id"],
        set_={"role": statement.excluded.role, "change": statement.excluded.change},
        where=col(FamilyMemberRow.change) < statement.excluded.change,
    )
    return (await session.scalars(statement.returning(col(FamilyMemberRow.user_id)))).all()


async def members(session: AsyncSession, family_id: int) -> Sequence[int]:
    statement = select(col(FamilyMemberRow.user_id)).where(
        col(FamilyMemberRow.family_id) == family_id, col(FamilyMemberRow.role).is_not(None)
    )
    return (await session.scalars(statement)).all()


async def of(session: AsyncSession, user_id: int) -> Sequence[int]:
    """The families that a user is in."""
    statement = select(col(FamilyMemberRow.family_id)).where(
        col(FamilyMemberRow.user_id) == user_id, col(FamilyMemberRow.role).is_not(None)
    )
    return (await session.scalars(statement.order_by(col(FamilyMemberRow.family_id)))).all()


async def forget(session: AsyncSession, family_id: int, user_id: int) -> None:
    """That somebody ever was in the family."""
    await session.execute(
        delete(FamilyMemberRow).where(
            col(FamilyMemberRow.family_id) == family_id, col(FamilyMemberRow.user_id) == user_id
        )
    )


async def bury(session: AsyncSession, family_id: int) -> None:
    """The family is gone for ever, and what was shared with it isn't any more."""
    await session.execute(insert(DeletedFamilyRow).values(family_id=family_id).on_conflict_do_nothing())
    await session.execute(delete(SharedAlbumRow).where(col(SharedAlbumRow.family_id) == family_id))
    await session.execute(delete(FamilyMemberRow).where(col(FamilyMemberRow.family_id) == family_id))


# --- shares ---------------------------------------------------------------------------------------------------------


async def share(session: AsyncSession, album_id: int, family_id: int) -> SharedAlbumRow | None:
    statement = select(SharedAlbumRow).where(
        col(SharedAlbumRow.album_id) == album_id, col(SharedAlbumRow.family_id) == family_id
    )
    return (await session.scalars(statement)).first()


async def shares(session: AsyncSession, album_id: int) -> Sequence[SharedAlbumRow]:
    statement = select(SharedAlbumRow).where(col(SharedAlbumRow.album_id) == album_id)
    return (await session.scalars(statement.order_by(col(SharedAlbumRow.id)))).all()


async def put_share(session: AsyncSession, share: SharedAlbumRow) -> SharedAlbumRow:
    """A share of an album that is locked."""
    values = share.model_dump(include={"album_id", "family_id", "visibility", "originals"})
    statement = insert(SharedAlbumRow).values(values)
    new = {"visibility": statement.excluded.visibility, "originals": statement.excluded.originals}
    statement = statement.on_conflict_do_update(index_elements=["album_id", "family_id"], set_=new)
    # one that was there may be in the session, as it was
    returned = statement.returning(SharedAlbumRow).execution_options(populate_existing=True)
    return (await session.scalars(returned)).one()


async def end_share(session: AsyncSession, album_id: int, family_id: int) -> bool:
    """False when there was none."""
    statement = delete(SharedAlbumRow).where(
        col(SharedAlbumRow.album_id) == album_id, col(SharedAlbumRow.family_id) == family_id
    )
    return (await session.scalars(statement.returning(col(SharedAlbumRow.id)))).first() is not None


async def end_shares_of(session: AsyncSession, family_id: int, owner_ids: Collection[int]) -> None:
    """Nothing of these users' albums is shared with the family any more."""
    theirs = select(col(AlbumRow.id)).where(col(AlbumRow.user_id).in_(owner_ids))
    statement = delete(SharedAlbumRow).where(
        col(SharedAlbumRow.family_id) == family_id, col(SharedAlbumRow.album_id).in_(theirs)
    )
    await session.execute(statement)


async def settle_visibility(session: AsyncSession, album_id: int) -> str | None:
    """Makes the album's own visibility what its shares say. Returns it when it is another one."""
    seen = (
        select(col(SharedAlbumRow.id))
        .where(col(SharedAlbumRow.album_id) == album_id, col(SharedAlbumRow.visibility) == "family")
        .exists()
    )
    now = "shared" if (await session.execute(select(seen))).scalar_one() else "private"
    statement = (
        update(AlbumRow)
        .where(col(AlbumRow.id) == album_id, col(AlbumRow.visibility) != now)
        .values(visibility=now)
        .returning(col(AlbumRow.id))
        .execution_options(synchronize_session=False)
    )
    return now if (await session.scalars(statement)).first() is not None else None
