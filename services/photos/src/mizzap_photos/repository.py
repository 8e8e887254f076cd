"""All SQL about photos and duplicate pairs. Every query names the owner; nobody here commits."""

from collections.abc import Mapping, Sequence
from typing import Any

from mizzap_common.contracts import library
from sqlalchemy import ColumnElement, case, func, literal, nulls_last, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from mizzap_photos.models import PairRow, PhotoRow

_LOCK_SPACE = 7_700_002
_SORT: dict[str, Any] = {
    "createdDate": col(PhotoRow.created_date),
    "uploadedAt": col(PhotoRow.uploaded_at),
    "fileName": col(PhotoRow.file_name),
    "fileSize": col(PhotoRow.file_size),
    "qualityScore": col(PhotoRow.quality_score),
    "id": col(PhotoRow.id),
}


async def lock_original(session: AsyncSession, user_id: int, sha256: str) -> None:
    """Until this transaction ends nobody else registers or removes this user's original of that hash."""
    key = func.hashtext(f"{user_id}/{sha256}")
    await session.execute(select(func.pg_advisory_xact_lock(literal(_LOCK_SPACE), key)))


async def insert_photo(session: AsyncSession, values: dict[str, Any]) -> PhotoRow | None:
    """None when this user has this very file under this very name."""
    statement = upsert(PhotoRow).values(**values).on_conflict_do_nothing().returning(PhotoRow)
    return (await session.scalars(statement)).first()


async def by_identity(session: AsyncSession, user_id: int, sha256: str, file_name: str) -> PhotoRow | None:
    statement = select(PhotoRow).where(
        col(PhotoRow.user_id) == user_id, col(PhotoRow.hash_sha256) == sha256, col(PhotoRow.file_name) == file_name
    )
    # what a statement of this transaction changed is not what the session remembers
    return (await session.scalars(statement, execution_options={"populate_existing": True})).first()


async def with_original(session: AsyncSession, user_id: int, sha256: Sequence[str]) -> Sequence[PhotoRow]:
    """Photos that share these originals."""
    statement = (
        select(PhotoRow)
        .where(col(PhotoRow.user_id) == user_id, col(PhotoRow.hash_sha256).in_(sha256))
        .order_by(col(PhotoRow.id))
    )
    return (await session.scalars(statement)).all()


async def get(session: AsyncSession, user_id: int, photo_id: int, lock: bool = False) -> PhotoRow | None:
    statement = select(PhotoRow).where(col(PhotoRow.user_id) == user_id, col(PhotoRow.id) == photo_id)
    return (await session.scalars(statement.with_for_update() if lock else statement)).first()


async def lock_photos(session: AsyncSession, user_id: int, photo_ids: Sequence[int]) -> Sequence[PhotoRow]:
    """Those of the photos that are this user's, which nobody else changes until this transaction ends.

    In the order of their ids, so that two transactions never wait for each other.
    """
    statement = (
        select(PhotoRow)
        .where(col(PhotoRow.user_id) == user_id, col(PhotoRow.id).in_(photo_ids))
        .order_by(col(PhotoRow.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).all()


async def get_many(session: AsyncSession, user_id: int, photo_ids: Sequence[int]) -> Sequence[PhotoRow]:
    statement = select(PhotoRow).where(col(PhotoRow.user_id) == user_id, col(PhotoRow.id).in_(photo_ids))
    return (await session.scalars(statement)).all()


async def page(session: AsyncSession, request: library.ListPhotos) -> tuple[Sequence[PhotoRow], int]:
    mine: list[ColumnElement[bool]] = [col(PhotoRow.user_id) == request.user_id, col(PhotoRow.trashed_at).is_(None)]
    if request.status is not None:
        mine.append(col(PhotoRow.upload_status) == request.status)
    field, photo_id = _SORT[request.sort_by], col(PhotoRow.id)
    order = (
        (nulls_last(field.desc()), photo_id.desc())
        if request.sort_order == "desc"
        else (nulls_last(field.asc()), photo_id.asc())
    )
    statement = (
        select(PhotoRow).where(*mine).order_by(*order).limit(request.limit).offset((request.page - 1) * request.limit)
    )
    total = (await session.execute(select(func.count()).select_from(PhotoRow).where(*mine))).scalar_one()
    return (await session.scalars(statement)).all(), total


async def progress(session: AsyncSession, user_id: int) -> library.Progress:
    status = col(PhotoRow.upload_status)
    statement = select(
        func.count(),
        func.count(col(PhotoRow.hash_sha256).distinct()),
        func.count().filter(status == "processed"),
        func.count().filter(status == "failed"),
    ).where(col(PhotoRow.user_id) == user_id, col(PhotoRow.trashed_at).is_(None))
    photos, stored, processed, failed = (await session.execute(statement)).one()
    return library.Progress(
        photos=photos, stored=stored, processed=processed, failed=failed, pending=photos - processed - failed
    )


async def change(session: AsyncSession, user_id: int, photo_id: int, values: Mapping[str, object]) -> None:
    await session.execute(
        update(PhotoRow)
        .where(col(PhotoRow.user_id) == user_id, col(PhotoRow.id) == photo_id)
        .values(updated_at=func.now(), **values)
    )


async def forget_scores(session: AsyncSession, user_id: int) -> None:
    await session.execute(
        update(PhotoRow)
        .where(col(PhotoRow.user_id) == user_id, col(PhotoRow.quality_score).is_not(None))
        .values(quality_score=None, updated_at=func.now())
    )


async def put_pair(
    session: AsyncSession, user_id: int, pair: tuple[int, int, int], active: bool, overrule: bool
) -> None:
    """``pair`` is (id, primary photo, duplicate photo). Without ``overrule`` what is known of the pair stays: one that
    was withdrawn before its detection arrived stays withdrawn."""
    duplicate_id, primary, duplicate = pair
    # a photo deleted in the meantime must not be counted by its partner
    both_there = len(await get_many(session, user_id, [primary, duplicate])) == 2
    values = {
        "duplicate_id": duplicate_id,
        "user_id": user_id,
        "primary_photo_id": primary,
        "duplicate_photo_id": duplicate,
        "active": active and both_there,
    }
    statement = upsert(PairRow).values(**values)
    if overrule:
        statement = statement.on_conflict_do_update(
            index_elements=["duplicate_id"],
            set_={"active": values["active"]},
            where=col(PairRow.user_id) == user_id,
        )
    else:
        statement = statement.on_conflict_do_nothing()
    await session.execute(statement)


async def count_duplicates(session: AsyncSession, user_id: int, photo_ids: set[int]) -> None:
    """Writes in how many active pairs each of these photos stands. What is in the trash is not counted, and counts
    itself anew when it comes back."""
    photo_id = col(PhotoRow.id)
    other = aliased(PhotoRow)
    other_id = case(
        (col(PairRow.primary_photo_id) == photo_id, col(PairRow.duplicate_photo_id)),
        else_=col(PairRow.primary_photo_id),
    )
    pairs = (
        select(func.count())
        .select_from(PairRow)
        .join(other, col(other.id) == other_id)
        .where(
            col(other.trashed_at).is_(None),
            col(PairRow.user_id) == user_id,
            col(PairRow.active),
            or_(col(PairRow.primary_photo_id) == photo_id, col(PairRow.duplicate_photo_id) == photo_id),
        )
        .scalar_subquery()
    )
    # in the order of their ids, so that two transactions never wait for each other
    for number in sorted(photo_ids):
        await session.execute(
            update(PhotoRow)
            .where(col(PhotoRow.user_id) == user_id, photo_id == number, col(PhotoRow.trashed_at).is_(None))
            .values(duplicate_count=pairs, has_duplicates=pairs > 0, updated_at=func.now())
        )


async def used_originals(session: AsyncSession, user_id: int, sha256: Sequence[str]) -> set[str]:
    statement = select(col(PhotoRow.hash_sha256)).where(
        col(PhotoRow.user_id) == user_id, col(PhotoRow.hash_sha256).in_(sha256)
    )
    return set((await session.scalars(statement)).all())
