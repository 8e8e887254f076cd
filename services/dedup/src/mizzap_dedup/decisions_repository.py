"""SQL of the way back: what a user's word about a pair was before. Every query names the owner."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, insert, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from mizzap_dedup.models import ActionRow, Values
from mizzap_dedup.repository import Pair, in_parts

KEPT = 10
"""Steps back that are remembered of a pair."""


async def remember(session: AsyncSession, user_id: int, bulk: UUID, steps: Sequence[Values]) -> None:
    """``steps`` have left_id, right_id, before and after."""
    pair = (col(ActionRow.left_id), col(ActionRow.right_id))
    age = func.row_number().over(partition_by=pair, order_by=col(ActionRow.seq).desc()).label("age")
    for part in in_parts(steps):
        await session.execute(insert(ActionRow).values([{"user_id": user_id, "bulk": bulk, **step} for step in part]))
        pairs = [(step["left_id"], step["right_id"]) for step in part]
        mine = (col(ActionRow.user_id) == user_id, ~col(ActionRow.pruned))
        ages = select(col(ActionRow.seq), age).where(*mine, tuple_(*pair).in_(pairs)).subquery()
        old = select(ages.c.seq).where(ages.c.age > KEPT)
        await session.execute(update(ActionRow).where(*mine, col(ActionRow.seq).in_(old)).values(pruned=True))
    await _forget_pruned(session, user_id)


async def of_bulk(session: AsyncSession, user_id: int, bulk: UUID) -> Sequence[ActionRow]:
    """With its pruned steps, as long as there are others."""
    statement = (
        select(ActionRow)
        .where(col(ActionRow.user_id) == user_id, col(ActionRow.bulk) == bulk)
        .order_by(col(ActionRow.seq))
    )
    return (await session.scalars(statement)).all()


async def latest(session: AsyncSession, user_id: int, pairs: Sequence[Pair]) -> dict[Pair, ActionRow]:
    """The last step of each pair that has one."""
    pair = (col(ActionRow.left_id), col(ActionRow.right_id))
    found: dict[Pair, ActionRow] = {}
    for part in in_parts(pairs):
        statement = (
            select(ActionRow)
            .where(col(ActionRow.user_id) == user_id, ~col(ActionRow.pruned), tuple_(*pair).in_(part))
            .ext(distinct_on(*pair))
            .order_by(*pair, col(ActionRow.seq).desc())
        )
        found |= {(row.left_id, row.right_id): row for row in await session.scalars(statement)}
    return found


async def forget_steps(session: AsyncSession, user_id: int, steps: Sequence[ActionRow]) -> None:
    seqs = [step.seq for step in steps]
    await session.execute(delete(ActionRow).where(col(ActionRow.user_id) == user_id, col(ActionRow.seq).in_(seqs)))
    await _forget_pruned(session, user_id)


async def _forget_pruned(session: AsyncSession, user_id: int) -> None:
    """Of bulks of which nothing can be taken back any more."""
    other = aliased(ActionRow)
    left = select(literal(1)).where(
        col(other.user_id) == user_id, col(other.bulk) == col(ActionRow.bulk), ~col(other.pruned)
    )
    await session.execute(
        delete(ActionRow).where(col(ActionRow.user_id) == user_id, col(ActionRow.pruned), ~left.exists())
    )
