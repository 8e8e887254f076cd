"""All SQL of what partners are told of users who are gone. The caller's transaction commits."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_curation.models import OrderRow, PartnerFarewellRow, PartnerRequestRow


@dataclass(frozen=True)
class Claim:
    """A farewell that this process says."""

    order_id: int
    partner: str
    created_at: datetime
    attempts: int
    """Tries, this one among them."""


async def queue(session: AsyncSession, row: OrderRow) -> None:
    """Of a locked order. Not before a request that is being sent has come to its end: it must not be overtaken."""
    under_way = select(func.max(col(PartnerRequestRow.claimed_until))).where(
        col(PartnerRequestRow.user_id) == row.user_id,
        col(PartnerRequestRow.order_id) == row.id,
        col(PartnerRequestRow.done_at).is_(None),
    )
    send_after = func.greatest(func.now(), under_way.scalar_subquery())
    values = {"order_id": row.id, "partner": row.partner, "send_after": send_after}
    await session.execute(upsert(PartnerFarewellRow).values(values).on_conflict_do_nothing())


async def claim(session: AsyncSession, lease: timedelta) -> Claim | None:
    """The one that has been due longest and that nobody is sending."""
    row = PartnerFarewellRow
    waiting = (
        select(col(row.order_id))
        .where(
            col(row.send_after) <= func.now(),
            or_(col(row.claimed_until).is_(None), col(row.claimed_until) <= func.now()),
        )
        .order_by(col(row.send_after))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(row)
        .where(col(row.order_id) == waiting.scalar_subquery())
        .values(claimed_until=func.now() + lease, attempts=col(row.attempts) + 1)
        .returning(col(row.order_id), col(row.partner), col(row.created_at), col(row.attempts))
    )
    found = (await session.execute(statement)).first()
    return Claim(*found) if found else None


async def postpone(session: AsyncSession, claimed: Claim, by: timedelta) -> None:
    later = {"send_after": func.now() + by, "claimed_until": None}
    mine = col(PartnerFarewellRow.order_id) == claimed.order_id
    await session.execute(update(PartnerFarewellRow).where(mine).values(later))


async def forget(session: AsyncSession, claimed: Claim) -> None:
    await session.execute(delete(PartnerFarewellRow).where(col(PartnerFarewellRow.order_id) == claimed.order_id))
