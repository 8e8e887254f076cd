"""All SQL of the dedup service. Every query names the owner; the caller's transaction commits."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from mizzap_common import changes, hidden
from sqlalchemy import delete, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_dedup.models import ActionRow, DecisionRow, DuplicateRow, FingerprintRow, MatchRow, Values

T = TypeVar("T")
Pair = tuple[int, int]
"""Two photo ids, the lower one first."""

_LOCK_SPACE = 7_700_003
_PAIRS_AT_ONCE = 2_000
SHOWN = (hidden.is_shown(col(DuplicateRow.primary_photo_id)), hidden.is_shown(col(DuplicateRow.duplicate_photo_id)))
"""Pairs of which neither photo is in the trash."""

KIND = "duplicate"
"""What pairs are called in the change feed."""

PROBES = 9
"""Hashes that a photo is looked for with: its eight turns, and the one without its bars, or None."""

# bits of difference between any of the probes and the other's hashes: `nearest_look` for a whole library at once
_ALIKE = text(
    f"""SELECT photo_id FROM (
        SELECT f.photo_id, f.sha256 = :sha256 OR f.pixel_hash = :pixel_hash AS same, LEAST(
            {", ".join(f"bit_count(f.pdq # CAST(:probe{n} AS bit(256)))" for n in range(PROBES))},
            bit_count(f.trimmed # CAST(:probe0 AS bit(256))),
            bit_count(f.trimmed # CAST(:probe8 AS bit(256)))) AS distance
        FROM fingerprints f WHERE f.user_id = :user_id AND f.photo_id <> :photo_id) AS others
    WHERE same OR distance <= :most ORDER BY same DESC, distance, photo_id LIMIT :limit"""  # noqa: S608
)


async def lock_groups(session: AsyncSession, user_id: int) -> None:
    """Until this transaction ends nobody else regroups this user's duplicates."""
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK_SPACE, func.hashint8(user_id))))


# --- fingerprints -----------------------------------------------------------------------------------------------


async def store_fingerprint(session: AsyncSession, values: Values) -> None:
    """Stores it, or makes it anew; the time of the first storing stays."""
    statement = insert(FingerprintRow).values(**values)
    changed = {name: statement.excluded[name] for name in values if name != "photo_id"}
    await session.execute(statement.on_conflict_do_update(index_elements=["photo_id"], set_=changed))


async def fingerprints(session: AsyncSession, user_id: int, photo_ids: Iterable[int]) -> Sequence[FingerprintRow]:
    statement = select(FingerprintRow).where(
        col(FingerprintRow.user_id) == user_id, col(FingerprintRow.photo_id).in_(list(photo_ids))
    )
    return (await session.scalars(statement)).all()


async def alike(
    session: AsyncSession, row: FingerprintRow, probes: Sequence[str | None], most: int, limit: int
) -> list[int]:
    """Ids of this owner's other photos with the same bytes or pixels, or with a PDQ hash at most so many bits away.

    ``probes`` are the PROBES hashes of the photo in the text form of ``bit(256)``. The nearest come first.
    """
    arguments = {
        "user_id": row.user_id,
        "photo_id": row.photo_id,
        "sha256": row.sha256,
        "pixel_hash": row.pixel_hash,
        "most": most,
        "limit": limit,
        **{f"probe{n}": probe for n, probe in enumerate(probes)},
    }
    return list((await session.execute(_ALIKE, arguments)).scalars())


async def forget(session: AsyncSession, user_id: int, photo_id: int) -> None:
    """Everything about the photo but its duplicate pairs, which regrouping withdraws."""
    for table, columns in (
        (FingerprintRow, (col(FingerprintRow.photo_id),)),
        (MatchRow, (col(MatchRow.left_id), col(MatchRow.right_id))),
        (DecisionRow, (col(DecisionRow.left_id), col(DecisionRow.right_id))),
        (ActionRow, (col(ActionRow.left_id), col(ActionRow.right_id))),
    ):
        about = or_(*(column == photo_id for column in columns))
        await session.execute(delete(table).where(col(table.user_id) == user_id, about))


async def mark_embedded(session: AsyncSession, user_id: int, photo_id: int) -> None:
    await session.execute(
        update(FingerprintRow)
        .where(col(FingerprintRow.user_id) == user_id, col(FingerprintRow.photo_id) == photo_id)
        .values(embedded=True)
    )


async def forget_embeddings(session: AsyncSession, user_id: int) -> None:
    """Marks all photos of this owner as having no vector."""
    await session.execute(
        update(FingerprintRow)
        .where(col(FingerprintRow.user_id) == user_id, col(FingerprintRow.embedded))
        .values(embedded=False)
    )


async def without_embedding(session: AsyncSession, user_id: int) -> Sequence[int]:
    statement = (
        select(col(FingerprintRow.photo_id))
        .where(col(FingerprintRow.user_id) == user_id, ~col(FingerprintRow.embedded))
        .order_by(col(FingerprintRow.photo_id))
    )
    return (await session.scalars(statement)).all()


# --- matches and decisions --------------------------------------------------------------------------------------


async def store_matches(session: AsyncSession, rows: Sequence[Values]) -> None:
    for values in rows:
        statement = insert(MatchRow).values(**values)
        changed = {name: statement.excluded[name] for name in ("lane", "score", "reasons")}
        await session.execute(statement.on_conflict_do_update(index_elements=["left_id", "right_id"], set_=changed))


async def matches_of(session: AsyncSession, user_id: int, photo_ids: Iterable[int]) -> Sequence[MatchRow]:
    ids = list(photo_ids)
    statement = select(MatchRow).where(
        col(MatchRow.user_id) == user_id, or_(col(MatchRow.left_id).in_(ids), col(MatchRow.right_id).in_(ids))
    )
    return (await session.scalars(statement)).all()


async def decisions(session: AsyncSession, user_id: int, photo_ids: Iterable[int]) -> Sequence[DecisionRow]:
    ids = list(photo_ids)
    statement = select(DecisionRow).where(
        col(DecisionRow.user_id) == user_id, col(DecisionRow.left_id).in_(ids), col(DecisionRow.right_id).in_(ids)
    )
    return (await session.scalars(statement)).all()


def in_parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """A group may have any number of pairs, and a statement in which many are named is too deep for PostgreSQL."""
    for begin in range(0, len(items), _PAIRS_AT_ONCE):
        yield items[begin : begin + _PAIRS_AT_ONCE]


async def decide(session: AsyncSession, user_id: int, pairs: Sequence[Pair], action: str) -> None:
    """Remembers the user's word about pairs; "pending" takes it back."""
    pair = tuple_(col(DecisionRow.left_id), col(DecisionRow.right_id))
    changed = {"action": action, "decided_at": func.now()}
    for part in in_parts(pairs):
        if action == "pending":
            await session.execute(delete(DecisionRow).where(col(DecisionRow.user_id) == user_id, pair.in_(part)))
            continue
        rows = [{"left_id": left, "right_id": right, "user_id": user_id, "action": action} for left, right in part]
        statement = insert(DecisionRow).values(rows)
        await session.execute(statement.on_conflict_do_update(index_elements=["left_id", "right_id"], set_=changed))


async def remove_matches_by_likeness(session: AsyncSession, user_id: int) -> set[int]:
    """The photos that a removed match was about."""
    statement = (
        delete(MatchRow)
        .where(col(MatchRow.user_id) == user_id, or_(col(MatchRow.by_likeness), col(MatchRow.lane) == "similar"))
        .returning(col(MatchRow.left_id), col(MatchRow.right_id))
    )
    return {photo_id for pair in await session.execute(statement) for photo_id in pair}


# --- duplicates -------------------------------------------------------------------------------------------------
# what is written about a pair here is in the user's change feed, whoever writes it


async def pairs_about(session: AsyncSession, user_id: int, photo_ids: Iterable[int]) -> Sequence[DuplicateRow]:
    ids = list(photo_ids)
    about = or_(col(DuplicateRow.primary_photo_id).in_(ids), col(DuplicateRow.duplicate_photo_id).in_(ids))
    statement = select(DuplicateRow).where(col(DuplicateRow.user_id) == user_id, about)
    return (await session.scalars(statement)).all()


async def similar_pairs(session: AsyncSession, user_id: int) -> Sequence[DuplicateRow]:
    statement = select(DuplicateRow).where(col(DuplicateRow.user_id) == user_id, col(DuplicateRow.lane) == "similar")
    return (await session.scalars(statement)).all()


async def add_pair(session: AsyncSession, values: Values) -> int:
    made = await session.execute(insert(DuplicateRow).values(**values).returning(col(DuplicateRow.id)))
    duplicate_id = int(made.scalar_one() or 0)
    changes.note(session, values["user_id"], KIND, duplicate_id)
    return duplicate_id


async def change_pair(session: AsyncSession, user_id: int, duplicate_id: int, values: Values) -> None:
    await session.execute(
        update(DuplicateRow)
        .where(col(DuplicateRow.user_id) == user_id, col(DuplicateRow.id) == duplicate_id)
        .values(**values)
    )
    changes.note(session, user_id, KIND, duplicate_id)


async def mark(session: AsyncSession, user_id: int, duplicate_ids: Sequence[int], action: str) -> dict[int, int]:
    """Writes the user's word beside the pairs; "pending" is none. By pair, how many words that makes."""
    mine = (col(DuplicateRow.user_id) == user_id, col(DuplicateRow.id).in_(duplicate_ids))
    when = None if action == "pending" else func.now()
    said = {"action": action, "action_date": when, "words": col(DuplicateRow.words) + 1}
    marked = update(DuplicateRow).where(*mine).values(said).returning(col(DuplicateRow.id), col(DuplicateRow.words))
    words = {row.id: row.words for row in await session.execute(marked)}
    changes.note(session, user_id, KIND, *duplicate_ids)
    return words


async def remove_pairs(session: AsyncSession, user_id: int, duplicate_ids: Sequence[int]) -> None:
    await session.execute(
        delete(DuplicateRow).where(col(DuplicateRow.user_id) == user_id, col(DuplicateRow.id).in_(duplicate_ids))
    )
    changes.note(session, user_id, KIND, *duplicate_ids, deleted=True)


async def pairs_by_id(session: AsyncSession, user_id: int, duplicate_ids: Iterable[int]) -> Sequence[DuplicateRow]:
    statement = select(DuplicateRow).where(
        col(DuplicateRow.user_id) == user_id, col(DuplicateRow.id).in_(list(duplicate_ids)), *SHOWN
    )
    return (await session.scalars(statement)).all()
