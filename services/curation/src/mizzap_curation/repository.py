"""All SQL of the curation service. The caller's transaction commits.

Whoever changes anything of a user's locks the user's set first (`mark_due`, `find_set`, `finish`): then transactions
never wait for each other in a circle, cascading deletions included.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mizzap_common import changes, hidden
from mizzap_common.contracts import curating, events
from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_curation.models import ChoiceRow, MomentRow, PairRow, ScoreRow, SetRow, UnscoredRow

KIND = "moments"
"""What a set is called in the change feed."""

PINNED, REMOVED = "pinned", "removed"
SUGGESTED, CONFIRMED = "suggested", "confirmed"
_SHOWN = (hidden.is_shown(col(ScoreRow.photo_id)), ~col(ScoreRow.failed))
"""Scores of photos that are not in the trash and have not failed."""
_ROWS_AT_ONCE = 5000
_SECONDS_PER_PHOTO = 0.01
"""A large library takes longer to choose from: it may also wait longer while photos keep coming."""


@dataclass(frozen=True)
class Patience:
    """When moments are due: after `quiet` without another change, or after `longest` while changes go on."""

    quiet: timedelta
    longest: timedelta


@dataclass(frozen=True)
class Claim:
    """A set that this process chooses anew, as it was when the work began."""

    set_id: int
    user_id: int
    wanted: int
    edits: int


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


async def remove_results(session: AsyncSession, user_id: int) -> None:
    """Removes the user's scores and set. The photos are remembered as left out; so is what the user wished of them."""
    if (row := await find_set(session, user_id, lock=True)) is not None:
        changes.note(session, user_id, KIND, row.id, deleted=True)
    gone = delete(ScoreRow).where(col(ScoreRow.user_id) == user_id).returning(col(ScoreRow.photo_id))
    rows = [{"user_id": user_id, "photo_id": photo_id} for photo_id in await session.scalars(gone)]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        statement = insert(UnscoredRow).values(rows[start : start + _ROWS_AT_ONCE])
        await session.execute(statement.on_conflict_do_nothing())
    await session.execute(delete(SetRow).where(col(SetRow.user_id) == user_id))


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
    return (await session.scalars(select(ScoreRow).where(col(ScoreRow.user_id) == user_id, *_SHOWN))).all()


async def qualities(session: AsyncSession, user_id: int, photo_ids: Collection[int]) -> dict[int, float]:
    """The technical quality of those photos that are this user's, scored, and can be shown."""
    statement = select(col(ScoreRow.photo_id), col(ScoreRow.quality)).where(
        col(ScoreRow.user_id) == user_id,
        col(ScoreRow.photo_id).in_(photo_ids),
        *_SHOWN,
    )
    return {row.photo_id: row.quality for row in await session.execute(statement)}


# --- duplicates ---------------------------------------------------------------------------------------------------


async def tell_pair(session: AsyncSession, pair: events.DuplicatePair, **said: bool) -> None:
    """Notes what was said of a pair: `withdrawn=…`, `rejected=…`. What was not said stays as it is."""
    statement = insert(PairRow).values(
        duplicate_id=pair.duplicate_id,
        user_id=pair.user_id,
        primary_photo_id=pair.primary_photo_id,
        duplicate_photo_id=pair.duplicate_photo_id,
        **{"withdrawn": False, "rejected": False, **said},
    )
    changed = {name: statement.excluded[name] for name in ("primary_photo_id", "duplicate_photo_id", *said)}
    await session.execute(statement.on_conflict_do_update(index_elements=["duplicate_id"], set_=changed))


async def pairs(session: AsyncSession, user_id: int) -> list[tuple[int, int]]:
    """The standing pairs of a user: keeper, duplicate."""
    statement = select(col(PairRow.primary_photo_id), col(PairRow.duplicate_photo_id)).where(
        col(PairRow.user_id) == user_id, ~(col(PairRow.withdrawn) | col(PairRow.rejected))
    )
    return [(row[0], row[1]) for row in await session.execute(statement)]


# --- the user's choices -------------------------------------------------------------------------------------------


async def wish(session: AsyncSession, user_id: int, photo_ids: Collection[int], wanted: str) -> None:
    """Pins these photos or removes them for good; whatever was wished for them before no longer counts."""
    if not photo_ids:
        return
    statement = insert(ChoiceRow).values(
        [{"user_id": user_id, "photo_id": photo_id, "wish": wanted} for photo_id in sorted(photo_ids)]
    )
    changed = {"wish": statement.excluded.wish}
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


# --- sets ---------------------------------------------------------------------------------------------------------


async def mark_due(session: AsyncSession, user_id: int, patience: Patience, edit: bool = False) -> SetRow:
    """Has the user's moments chosen anew soon, and locks their set, which is made if there is none.

    `edit` is a change of the user's mind: a choice under way is thrown away.
    """
    now, edits = func.now(), int(edit)
    statement = insert(SetRow).values(
        user_id=user_id, wanted=1, edits=edits, due_since=now, due_at=now + patience.quiet, status=SUGGESTED
    )
    since = func.coalesce(col(SetRow.due_since), now)
    for_size = func.make_interval(0, 0, 0, 0, 0, 0, col(SetRow.photos) * _SECONDS_PER_PHOTO)
    changed = {
        "wanted": col(SetRow.wanted) + 1,
        "edits": col(SetRow.edits) + edits,
        "due_since": since,
        "due_at": func.least(now + patience.quiet, since + patience.longest + for_size),
    }
    marked = statement.on_conflict_do_update(index_elements=["user_id"], set_=changed).returning(SetRow)
    return (await session.scalars(marked, execution_options={"populate_existing": True})).one()


async def find_set(session: AsyncSession, user_id: int, lock: bool = False) -> SetRow | None:
    statement = select(SetRow).where(col(SetRow.user_id) == user_id)
    return (await session.scalars(statement.with_for_update() if lock else statement)).one_or_none()


async def confirm(session: AsyncSession, set_id: int) -> None:
    """The set is as its owner wants it: what is in it stays, and a choice under way is thrown away."""
    await session.execute(update(MomentRow).where(col(MomentRow.set_id) == set_id).values(pinned=True))
    confirmed = {
        "status": CONFIRMED,
        "confirmed_at": func.now(),
        "updated_at": func.now(),
        "edits": col(SetRow.edits) + 1,
    }
    await session.execute(update(SetRow).where(col(SetRow.id) == set_id).values(confirmed))


async def reopen(session: AsyncSession, set_id: int) -> None:
    """The owner has changed the set: if it was confirmed, it is a suggestion again."""
    changed = {"status": SUGGESTED, "confirmed_at": None, "updated_at": func.now()}
    await session.execute(update(SetRow).where(col(SetRow.id) == set_id).values(changed))


async def claim(session: AsyncSession, lease: timedelta) -> Claim | None:
    """The set that has been due longest and that nobody is working on. A confirmed one is left as the user likes it."""
    waiting = (
        select(col(SetRow.id))
        .where(
            col(SetRow.status) == SUGGESTED,
            col(SetRow.due_at) <= func.now(),
            or_(col(SetRow.claimed_until).is_(None), col(SetRow.claimed_until) <= func.now()),
        )
        .order_by(col(SetRow.due_at))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(SetRow)
        .where(col(SetRow.id) == waiting.scalar_subquery())
        .values(claimed_until=func.now() + lease)
        .returning(col(SetRow.id), col(SetRow.user_id), col(SetRow.wanted), col(SetRow.edits))
    )
    row = (await session.execute(statement)).first()
    return Claim(*row) if row else None


async def finish(session: AsyncSession, claimed: Claim, photos: int) -> bool:
    """Ends a claim. False when the set must be left as it is: the user has changed it, or a later choice was quicker."""
    row = await find_set(session, claimed.user_id, lock=True)
    if row is None or row.id != claimed.set_id:
        return False
    if row.edits != claimed.edits or row.status != SUGGESTED or row.made > claimed.wanted:
        await postpone(session, claimed, timedelta(0))
        return False
    changed_since = col(SetRow.wanted) > claimed.wanted
    await session.execute(
        update(SetRow)
        .where(col(SetRow.id) == claimed.set_id)
        .values(
            made=claimed.wanted,
            updated_at=func.now(),
            photos=photos,
            claimed_until=None,
            due_since=case((changed_since, func.now()), else_=None),
            due_at=case((changed_since, col(SetRow.due_at)), else_=None),
        )
    )
    return True


async def postpone(session: AsyncSession, claimed: Claim, by: timedelta) -> None:
    """Lets the set be claimed again after a while."""
    later = {"claimed_until": func.now() + by}
    await session.execute(update(SetRow).where(col(SetRow.id) == claimed.set_id).values(later))


# --- moments ------------------------------------------------------------------------------------------------------


async def moments(session: AsyncSession, set_id: int) -> list[curating.Moment]:
    """In their order, without those whose photo can't be shown."""
    statement = (
        select(MomentRow)
        .join(ScoreRow, col(ScoreRow.photo_id) == col(MomentRow.photo_id))
        .where(col(MomentRow.set_id) == set_id, *_SHOWN)
        .order_by(col(MomentRow.position))
    )
    rows = (await session.scalars(statement)).all()
    return [curating.Moment.model_validate(row, from_attributes=True) for row in rows]


async def replace_moments(session: AsyncSession, set_id: int, moments: Sequence[curating.Moment]) -> None:
    """Puts these photos into the set, in this order, and all others out. Each must be scored."""
    await session.execute(delete(MomentRow).where(col(MomentRow.set_id) == set_id))
    if moments:
        rows = [{"set_id": set_id, "position": at, **moment.model_dump()} for at, moment in enumerate(moments)]
        await session.execute(insert(MomentRow).values(rows))
