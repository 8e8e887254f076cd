"""All SQL of the curation service. The caller's transaction commits.

Whoever changes anything of a user's locks the user's set first (`sets_repository`): then transactions
never wait for each other in a circle, cascading deletions included.
"""

from collections.abc import Collection, Sequence

from mizzap_common import changes, hidden
from mizzap_common.contracts import events
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_curation.models import ChoiceRow, MomentRow, PairRow, ScoreRow, SetRow, UnscoredRow

KIND = "moments"
"""What a set is called in the change feed."""

PINNED, REMOVED = "pinned", "removed"
SHOWN = (hidden.is_shown(col(ScoreRow.photo_id)), ~col(ScoreRow.failed))
"""Scores of photos that are not in the trash and have not failed."""


# --- photos -------------------------------------------------------------------------------------------------------


async def store_score(session: AsyncSession, row: ScoreRow) -> None:
    """Stores a photo's score, in the place of one that is there."""
    values = row.model_dump(exclude={"scored_at", "failed", "outcome_version"})
    statement = insert(ScoreRow).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in ("photo_id", "user_id")}
    await session.execute(statement.on_conflict_do_update(index_elements=["photo_id"], set_=changed))
    await session.execute(
        delete(UnscoredRow).where(col(UnscoredRow.user_id) == row.user_id, col(UnscoredRow.photo_id) == row.photo_id)
    )


async def leave_unscored(session: AsyncSession, user_id: int, photo_id: int) -> None:
    """Remembers a photo that was left out."""
    statement = insert(UnscoredRow).values(user_id=user_id, photo_id=photo_id)
    await session.execute(statement.on_conflict_do_nothing())


async def unscored(session: AsyncSession, user_id: int) -> Sequence[int]:
    statement = (
        select(col(UnscoredRow.photo_id)).where(col(UnscoredRow.user_id) == user_id).order_by(col(UnscoredRow.photo_id))
    )
    return (await session.scalars(statement)).all()


async def tell_outcome(session: AsyncSession, photo: events.PhotoOutcome, failed: bool) -> None:
    """Notes how the photo's processing has ended, unless a later outcome is known."""
    mine = (col(ScoreRow.user_id) == photo.user_id, col(ScoreRow.photo_id) == photo.photo_id)
    if (await session.scalars(select(col(ScoreRow.failed)).where(*mine))).one_or_none() is not failed:
        await note_if_chosen(session, photo.user_id, photo.photo_id)
    await session.execute(
        update(ScoreRow)
        .where(*mine, col(ScoreRow.outcome_version) <= photo.version)
        .values(failed=failed, outcome_version=photo.version)
    )


async def forget_photo(session: AsyncSession, user_id: int, photo_id: int) -> None:
    """Removes what is known of a photo; its place in the set goes with its score."""
    await note_if_chosen(session, user_id, photo_id)
    for table in (ScoreRow, ChoiceRow, UnscoredRow):
        await session.execute(delete(table).where(col(table.user_id) == user_id, col(table.photo_id) == photo_id))
    touched = or_(col(PairRow.primary_photo_id) == photo_id, col(PairRow.duplicate_photo_id) == photo_id)
    await session.execute(update(PairRow).where(col(PairRow.user_id) == user_id, touched).values(withdrawn=True))


async def note_if_chosen(session: AsyncSession, user_id: int, photo_id: int) -> None:
    """To be called where a photo comes into view or goes out of it: the set that it is in is another one then."""
    sets = select(col(MomentRow.set_id)).join(SetRow, col(SetRow.id) == col(MomentRow.set_id))
    mine = sets.where(col(SetRow.user_id) == user_id, col(MomentRow.photo_id) == photo_id)
    changes.note(session, user_id, KIND, *(await session.scalars(mine)).all())


async def scores(session: AsyncSession, user_id: int) -> Sequence[ScoreRow]:
    """Of the photos that can be shown."""
    return (await session.scalars(select(ScoreRow).where(col(ScoreRow.user_id) == user_id, *SHOWN))).all()


async def qualities(session: AsyncSession, user_id: int, photo_ids: Collection[int]) -> dict[int, float]:
    """The technical quality of those photos that are this user's, scored, and can be shown."""
    statement = select(col(ScoreRow.photo_id), col(ScoreRow.quality)).where(
        col(ScoreRow.user_id) == user_id,
        col(ScoreRow.photo_id).in_(photo_ids),
        *SHOWN,
    )
    return {row.photo_id: row.quality for row in await session.execute(statement)}


# --- duplicates ---------------------------------------------------------------------------------------------------


async def tell_pair(session: AsyncSession, pair: events.DuplicatePair, change: int | None = None, **said: bool) -> None:
    """Notes what was said of a pair: `withdrawn=…`, `rejected=…`. What was not said stays as it is.

    With a `change`, unless a later one is known already.
    """
    numbered = {} if change is None else {"change": change}
    statement = insert(PairRow).values(
        duplicate_id=pair.duplicate_id,
        user_id=pair.user_id,
        primary_photo_id=pair.primary_photo_id,
        duplicate_photo_id=pair.duplicate_photo_id,
        **{"withdrawn": False, "rejected": False, **said, **numbered},
    )
    names = ("primary_photo_id", "duplicate_photo_id", *said, *numbered)
    changed = {name: statement.excluded[name] for name in names}
    unless_later = None if change is None else col(PairRow.change) <= change
    await session.execute(
        statement.on_conflict_do_update(index_elements=["duplicate_id"], set_=changed, where=unless_later)
    )


async def pairs(session: AsyncSession, user_id: int) -> list[tuple[int, int]]:
    """The standing pairs of a user: keeper, duplicate."""
    statement = select(col(PairRow.primary_photo_id), col(PairRow.duplicate_photo_id)).where(
        col(PairRow.user_id) == user_id, ~(col(PairRow.withdrawn) | col(PairRow.rejected))
    )
    return [(row[0], row[1]) for row in await session.execute(statement)]


# --- the user's choices -------------------------------------------------------------------------------------------


async def wish(session: AsyncSession, user_id: int, photo_ids: Collection[int], wanted: str) -> None:
    """Pins these photos or removes them for good, as the user's newest wish of them."""
    if not photo_ids:
        return
    statement = insert(ChoiceRow).values(
        [{"user_id": user_id, "photo_id": photo_id, "wish": wanted} for photo_id in sorted(photo_ids)]
    )
    changed = {"wish": statement.excluded.wish, "wished_at": func.now()}
    await session.execute(statement.on_conflict_do_update(index_elements=["user_id", "photo_id"], set_=changed))


async def arrange(session: AsyncSession, user_id: int, photo_ids: Sequence[int]) -> None:
    """Remembers the user's own order; it replaces an earlier one."""
    await session.execute(update(ChoiceRow).where(col(ChoiceRow.user_id) == user_id).values(position=None))
    if not photo_ids:
        return
    statement = insert(ChoiceRow).values(
        [{"user_id": user_id, "photo_id": photo_id, "position": at} for at, photo_id in enumerate(photo_ids)]
    )
    changed = {"position": statement.excluded.position}
    await session.execute(statement.on_conflict_do_update(index_elements=["user_id", "photo_id"], set_=changed))


async def choices(session: AsyncSession, user_id: int) -> Sequence[ChoiceRow]:
    return (await session.scalars(select(ChoiceRow).where(col(ChoiceRow.user_id) == user_id))).all()
