"""The sets of moments, and whose turn it is to be chosen anew. The caller's transaction commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mizzap_common import changes
from mizzap_common.contracts import curating
from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_curation.models import MomentRow, ScoreRow, SetRow, UnscoredRow
from mizzap_curation.repository import KIND, SHOWN

SUGGESTED, CONFIRMED = "suggested", "confirmed"
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
            failures=0,
            due_since=case((changed_since, func.now()), else_=None),
            due_at=case((changed_since, col(SetRow.due_at)), else_=None),
        )
    )
    return True


async def postpone(session: AsyncSession, claimed: Claim, by: timedelta) -> None:
    """Lets the set be claimed again after a while."""
    later = {"claimed_until": func.now() + by}
    await session.execute(update(SetRow).where(col(SetRow.id) == claimed.set_id).values(later))


async def postpone_failed(session: AsyncSession, claimed: Claim, shortest: timedelta, longest: timedelta) -> None:
    """After a choice that failed: the pause doubles with each in a row, and is never longer than ``longest``."""
    # 2 to the 30th of any pause is past every ``longest``, and still an interval
    doubled = shortest * func.pow(2, func.least(col(SetRow.failures), 30))
    later = {"claimed_until": func.now() + func.least(doubled, longest), "failures": col(SetRow.failures) + 1}
    await session.execute(update(SetRow).where(col(SetRow.id) == claimed.set_id).values(later))


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


# --- moments ------------------------------------------------------------------------------------------------------


async def moments(session: AsyncSession, set_id: int) -> list[curating.Moment]:
    """In their order, without those whose photo can't be shown."""
    statement = (
        select(MomentRow)
        .join(ScoreRow, col(ScoreRow.photo_id) == col(MomentRow.photo_id))
        .where(col(MomentRow.set_id) == set_id, *SHOWN)
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
