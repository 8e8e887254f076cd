"""All SQL about photos and duplicate pairs. Every query names the owner; nobody here commits.

What changes a photo's row notes it for the change feed right here, so that no caller can forget it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mizzap_common import changes
from mizzap_common.contracts import events, library
from sqlalchemy import ColumnElement, case, delete, false, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from mizzap_photos.models import PairRow, PhotoPlaceRow, PhotoRow

FEED = "photo"
"""The kind of these things in the change feed."""
_LOCK_SPACE = 7_700_002
_STANDING = ("pending", "confirmed")
"""What a user says of a pair that goes on being one of duplicates."""


def visible(user_id: int) -> list[ColumnElement[bool]]:
    """Which photos there are for a user: what is in the trash is seen there alone."""
    return [col(PhotoRow.user_id) == user_id, col(PhotoRow.trashed_at).is_(None)]


async def lock_original(session: AsyncSession, user_id: int, sha256: str) -> None:
    """Until this transaction ends nobody else registers or removes this user's original of that hash."""
    key = func.hashtext(f"{user_id}/{sha256}")
    await session.execute(select(func.pg_advisory_xact_lock(literal(_LOCK_SPACE), key)))


async def insert_photo(session: AsyncSession, values: dict[str, Any]) -> PhotoRow | None:
    """None when this user has this very file under this very name."""
    statement = upsert(PhotoRow).values(**values).on_conflict_do_nothing().returning(PhotoRow)
    row = (await session.scalars(statement)).first()
    if row is not None and row.id is not None:
        changes.note(session, row.user_id, FEED, row.id)
    return row


async def by_identity(session: AsyncSession, user_id: int, sha256: str, file_name: str) -> PhotoRow | None:
    statement = select(PhotoRow).where(
        col(PhotoRow.user_id) == user_id, col(PhotoRow.hash_sha256) == sha256, col(PhotoRow.file_name) == file_name
    )
    # what a statement of this transaction changed is not what the session remembers
    return (await session.scalars(statement, execution_options={"populate_existing": True})).first()


async def with_original(
    session: AsyncSession, user_id: int, sha256: Sequence[str], limit: int, after: int = 0
) -> Sequence[PhotoRow]:
    """Photos that share these originals, by id, those behind ``after``."""
    mine = (col(PhotoRow.user_id) == user_id, col(PhotoRow.hash_sha256).in_(sha256), col(PhotoRow.id) > after)
    statement = select(PhotoRow).where(*mine).order_by(col(PhotoRow.id)).limit(limit)
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


async def visible_many(session: AsyncSession, user_id: int, photo_ids: Sequence[int]) -> Sequence[PhotoRow]:
    statement = select(PhotoRow).where(*visible(user_id), col(PhotoRow.id).in_(photo_ids))
    return (await session.scalars(statement)).all()


async def progress(session: AsyncSession, user_id: int) -> library.Progress:
    status = col(PhotoRow.upload_status)
    statement = select(
        func.count(),
        func.count(col(PhotoRow.hash_sha256).distinct()),
        func.count().filter(status == "processed"),
        func.count().filter(status == "failed"),
    ).where(*visible(user_id))
    photos, stored, processed, failed = (await session.execute(statement)).one()
    return library.Progress(
        photos=photos, stored=stored, processed=processed, failed=failed, pending=photos - processed - failed
    )


async def change(session: AsyncSession, user_id: int, photo_id: int, values: Mapping[str, object]) -> None:
    rows = await session.execute(
        update(PhotoRow)
        .where(col(PhotoRow.user_id) == user_id, col(PhotoRow.id) == photo_id)
        .values(updated_at=func.now(), **values)
        .returning(col(PhotoRow.id), col(PhotoRow.trashed_at))
    )
    _note_seen(session, user_id, rows)


async def put_place(session: AsyncSession, user_id: int, photo_id: int, tokens: Sequence[bytes]) -> None:
    """What the photo is found by from here on."""
    await session.execute(
        delete(PhotoPlaceRow).where(col(PhotoPlaceRow.user_id) == user_id, col(PhotoPlaceRow.photo_id) == photo_id)
    )
    if tokens:
        rows = [{"user_id": user_id, "photo_id": photo_id, "token": token} for token in tokens]
        await session.execute(insert(PhotoPlaceRow), rows)


async def place_tokens(session: AsyncSession, user_id: int, photo_id: int) -> Sequence[bytes]:
    mine = (col(PhotoPlaceRow.user_id) == user_id, col(PhotoPlaceRow.photo_id) == photo_id)
    return (await session.scalars(select(col(PhotoPlaceRow.token)).where(*mine))).all()


async def forget_scores(session: AsyncSession, user_id: int) -> None:
    scored = (
        select(col(PhotoRow.id))
        .where(col(PhotoRow.user_id) == user_id, col(PhotoRow.quality_score).is_not(None))
        # an update of many would lock them in whatever order they lie, and wait in a circle with `lock_photos`
        .order_by(col(PhotoRow.id))
        .with_for_update()
        .cte("scored")
    )
    rows = await session.execute(
        update(PhotoRow)
        .where(col(PhotoRow.user_id) == user_id, col(PhotoRow.id).in_(select(scored.c.id)))
        .values(quality_score=None, updated_at=func.now())
        .returning(col(PhotoRow.id), col(PhotoRow.trashed_at))
    )
    _note_seen(session, user_id, rows)


def _note_seen(session: AsyncSession, user_id: int, rows: Iterable[Any]) -> None:
    """What changes in the trash is no news: the feed's last word about it stays that it is gone."""
    changes.note(session, user_id, FEED, *(row.id for row in rows if row.trashed_at is None))


async def put_pair(session: AsyncSession, event: events.DuplicatePair, both_there: bool) -> None:
    """Notes what is told of a pair, in whatever order: a withdrawn one never comes back, of the user's words the one
    with the highest number counts, and a detection says nothing new of a pair that is known. The photos are locked."""
    counts = col(PairRow.user_id) == event.user_id
    said: dict[str, Any]
    if isinstance(event, events.DuplicateWithdrawn):
        said = {"active": False, "withdrawn": True}
    elif isinstance(event, events.DuplicateResolved):
        said = {"active": both_there and event.action in _STANDING, "change": event.change}
        counts &= ~col(PairRow.withdrawn) & (col(PairRow.change) <= event.change)
    else:
        said, counts = {"active": both_there}, false()
    statement = upsert(PairRow).values(
        duplicate_id=event.duplicate_id,
        user_id=event.user_id,
        primary_photo_id=event.primary_photo_id,
        duplicate_photo_id=event.duplicate_photo_id,
        **said,
    )
    await session.execute(statement.on_conflict_do_update(index_elements=["duplicate_id"], set_=said, where=counts))


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
        there = await session.scalars(
            update(PhotoRow)
            .where(*visible(user_id), photo_id == number)
            .values(duplicate_count=pairs, has_duplicates=pairs > 0, updated_at=func.now())
            .returning(photo_id)
        )
        changes.note(session, user_id, FEED, *there)


async def used_originals(session: AsyncSession, user_id: int, sha256: Sequence[str]) -> set[str]:
    statement = select(col(PhotoRow.hash_sha256)).where(
        col(PhotoRow.user_id) == user_id, col(PhotoRow.hash_sha256).in_(sha256)
    )
    return set((await session.scalars(statement)).all())
