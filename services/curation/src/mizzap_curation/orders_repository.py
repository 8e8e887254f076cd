"""All SQL of the partners' orders. The caller's transaction commits.

Whoever changes an order locks it first (`lock`, `lock_of_partner`), and only then its requests.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from mizzap_common import changes, hidden
from mizzap_common.contracts import ordering
from sqlalchemy import delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from mizzap_curation.models import OrderPhotoRow, OrderRow, PartnerCallbackRow, PartnerRequestRow

OPEN = ("placed", "sent", "accepted", "in_progress")
"""While an order is in one of these, its partner can fetch the photos."""

_SHOWN = hidden.is_shown(col(OrderPhotoRow.photo_id))

KIND = "order"
"""What an order is called in the change feed."""

PLACED, CANCELLED = "order.placed", "order.cancelled"
"""What partners are told."""


@dataclass(frozen=True)
class Claim:
    """A request that this process sends."""

    id: int
    order_id: int
    user_id: int
    kind: str
    message_id: UUID
    attempts: int
    """Tries, this one among them."""


# --- orders -------------------------------------------------------------------------------------------------------


async def add(session: AsyncSession, values: Mapping[str, Any], photo_ids: Sequence[int]) -> OrderRow:
    row = (await session.scalars(insert(OrderRow).values(**values).returning(OrderRow))).one()
    photos = [
        {"order_id": row.id, "photo_id": photo_id, "user_id": row.user_id, "position": at}
        for at, photo_id in enumerate(photo_ids)
    ]
    await session.execute(insert(OrderPhotoRow).values(photos))
    return row


async def find(session: AsyncSession, user_id: int, order_id: int) -> OrderRow | None:
    statement = select(OrderRow).where(col(OrderRow.user_id) == user_id, col(OrderRow.id) == order_id)
    return (await session.scalars(statement)).one_or_none()


async def lock(session: AsyncSession, user_id: int, order_id: int) -> OrderRow | None:
    statement = select(OrderRow).where(col(OrderRow.user_id) == user_id, col(OrderRow.id) == order_id)
    return (await session.scalars(statement.with_for_update())).one_or_none()


async def lock_all(session: AsyncSession, user_id: int) -> Sequence[OrderRow]:
    statement = select(OrderRow).where(col(OrderRow.user_id) == user_id).order_by(col(OrderRow.id))
    return (await session.scalars(statement.with_for_update())).all()


async def lock_of_partner(session: AsyncSession, partner: str, order_id: int) -> OrderRow | None:
    """For what a partner says: it knows orders, not users. Another partner's order is none."""
    statement = select(OrderRow).where(col(OrderRow.partner) == partner, col(OrderRow.id) == order_id)
    return (await session.scalars(statement.with_for_update())).one_or_none()


async def change(session: AsyncSession, row: OrderRow, **values: Any) -> None:
    """Of a locked order; the row shows it afterwards."""
    mine = (col(OrderRow.user_id) == row.user_id, col(OrderRow.id) == row.id)
    await session.execute(update(OrderRow).where(*mine).values(updated_at=func.now(), **values))
    await session.refresh(row)


async def page(session: AsyncSession, request: ordering.ListOrders) -> tuple[Sequence[OrderRow], int]:
    mine = col(OrderRow.user_id) == request.user_id
    statement = (
        select(OrderRow)
        .where(mine)
        .order_by(col(OrderRow.id).desc())
        .limit(max(0, request.limit - request.skip))
        .offset((request.page - 1) * request.limit + request.skip)
    )
    total = (await session.execute(select(func.count()).select_from(OrderRow).where(mine))).scalar_one()
    return (await session.scalars(statement)).all(), total


async def by_id(session: AsyncSession, user_id: int, order_ids: Collection[int]) -> Sequence[OrderRow]:
    statement = select(OrderRow).where(col(OrderRow.user_id) == user_id, col(OrderRow.id).in_(order_ids))
    return (await session.scalars(statement)).all()


async def after(session: AsyncSession, user_id: int, order_id: int, limit: int) -> Sequence[OrderRow]:
    """The user's orders whose id is greater, in the ids' order."""
    statement = select(OrderRow).where(col(OrderRow.user_id) == user_id, col(OrderRow.id) > order_id)
    return (await session.scalars(statement.order_by(col(OrderRow.id)).limit(limit))).all()


async def count(session: AsyncSession, user_id: int) -> dict[tuple[str, str], int]:
    """How many orders a user has, by partner and status."""
    partner, status = col(OrderRow.partner), col(OrderRow.status)
    statement = select(partner, status, func.count()).where(col(OrderRow.user_id) == user_id).group_by(partner, status)
    return {(row[0], row[1]): row[2] for row in await session.execute(statement)}


# --- their photos -------------------------------------------------------------------------------------------------


async def photos(session: AsyncSession, user_id: int, order_ids: Sequence[int]) -> dict[int, list[int]]:
    """Photo ids by order, in the order's own order, without those in the trash."""
    statement = (
        select(col(OrderPhotoRow.order_id), col(OrderPhotoRow.photo_id))
        .where(col(OrderPhotoRow.user_id) == user_id, col(OrderPhotoRow.order_id).in_(order_ids), _SHOWN)
        .order_by(col(OrderPhotoRow.position))
    )
    found: dict[int, list[int]] = {order_id: [] for order_id in order_ids}
    for order_id, photo_id in await session.execute(statement):
        found[order_id].append(photo_id)
    return found


async def owner_of_shared(session: AsyncSession, order_id: int, photo_id: int) -> int | None:
    """Whose photo it is, when the order's partner may fetch it now."""
    statement = (
        select(col(OrderRow.user_id))
        .join(OrderPhotoRow, col(OrderPhotoRow.order_id) == col(OrderRow.id))
        .where(
            col(OrderRow.id) == order_id,
            col(OrderRow.status).in_(OPEN),
            col(OrderRow.links_expire_at) > func.now(),
            col(OrderPhotoRow.photo_id) == photo_id,
            col(OrderPhotoRow.user_id) == col(OrderRow.user_id),
            _SHOWN,
        )
    )
    return (await session.scalars(statement)).one_or_none()


async def note_where_ordered(session: AsyncSession, user_id: int, photo_id: int) -> None:
    """To be called where a photo comes into view or goes out of it: the orders that it is in are others then."""
    mine = (col(OrderPhotoRow.user_id) == user_id, col(OrderPhotoRow.photo_id) == photo_id)
    orders = await session.scalars(select(col(OrderPhotoRow.order_id)).where(*mine))
    changes.note(session, user_id, KIND, *orders.all())


async def forget_photo(session: AsyncSession, user_id: int, photo_id: int) -> None:
    """Links to a deleted photo lead nowhere any more."""
    await note_where_ordered(session, user_id, photo_id)
    mine = (col(OrderPhotoRow.user_id) == user_id, col(OrderPhotoRow.photo_id) == photo_id)
    await session.execute(delete(OrderPhotoRow).where(*mine))


# --- what partners are told ---------------------------------------------------------------------------------------


async def queue(session: AsyncSession, row: OrderRow, kind: str) -> None:
    values = {"order_id": row.id, "user_id": row.user_id, "kind": kind, "message_id": uuid4()}
    await session.execute(insert(PartnerRequestRow).values(values))


async def withdraw(session: AsyncSession, row: OrderRow) -> bool:
    """Has nothing more sent of a locked order. False when the partner can't have heard of it."""
    statement = (
        select(PartnerRequestRow)
        .where(col(PartnerRequestRow.user_id) == row.user_id, col(PartnerRequestRow.order_id) == row.id)
        .with_for_update()
    )
    heard = False
    for request in (await session.scalars(statement)).all():
        heard = heard or request.attempts > 0
        if request.done_at is None and request.claimed_until is None:
            await finish(session, request.user_id, request.id, "withdrawn")
    return heard


async def claim(session: AsyncSession, lease: timedelta) -> Claim | None:
    """The request that has been due longest and that nobody is sending; an order's go one after another."""
    row, earlier = PartnerRequestRow, aliased(PartnerRequestRow)
    before = select(literal(1)).where(
        col(earlier.order_id) == col(row.order_id), col(earlier.done_at).is_(None), col(earlier.id) < col(row.id)
    )
    waiting = (
        select(col(row.id))
        .where(
            col(row.done_at).is_(None),
            col(row.send_after) <= func.now(),
            or_(col(row.claimed_until).is_(None), col(row.claimed_until) <= func.now()),
            ~before.exists(),
        )
        .order_by(col(row.send_after))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(row)
        .where(col(row.id) == waiting.scalar_subquery())
        # counted before it is sent: whatever becomes of us, the partner may have heard
        .values(claimed_until=func.now() + lease, attempts=col(row.attempts) + 1)
        .returning(
            col(row.id), col(row.order_id), col(row.user_id), col(row.kind), col(row.message_id), col(row.attempts)
        )
    )
    found = (await session.execute(statement)).first()
    return Claim(*found) if found else None


async def finish(session: AsyncSession, user_id: int, request_id: int, outcome: str) -> None:
    """``outcome`` is for who looks into the table: taken, refused, given up, withdrawn."""
    mine = (col(PartnerRequestRow.user_id) == user_id, col(PartnerRequestRow.id) == request_id)
    done = {"done_at": func.now(), "outcome": outcome, "claimed_until": None}
    await session.execute(update(PartnerRequestRow).where(*mine).values(done))


async def postpone(session: AsyncSession, claimed: Claim, by: timedelta) -> None:
    mine = (col(PartnerRequestRow.user_id) == claimed.user_id, col(PartnerRequestRow.id) == claimed.id)
    later = {"send_after": func.now() + by, "claimed_until": None}
    await session.execute(update(PartnerRequestRow).where(*mine).values(later))


# --- what partners tell -------------------------------------------------------------------------------------------


async def answered(session: AsyncSession, row: OrderRow, webhook_id: str) -> dict[str, Any] | None:
    """What was answered to this message before."""
    statement = select(col(PartnerCallbackRow.answer)).where(
        col(PartnerCallbackRow.partner) == row.partner,
        col(PartnerCallbackRow.webhook_id) == webhook_id,
        col(PartnerCallbackRow.order_id) == row.id,
        col(PartnerCallbackRow.user_id) == row.user_id,
    )
    return (await session.scalars(statement)).one_or_none()


async def remember_answer(session: AsyncSession, row: OrderRow, webhook_id: str, answer: dict[str, Any]) -> bool:
    """False when the partner has used this id for another order."""
    values = {
        "partner": row.partner, "webhook_id": webhook_id, "order_id": row.id, "user_id": row.user_id, "answer": answer,
    }  # fmt: skip
    statement = upsert(PartnerCallbackRow).values(values).on_conflict_do_nothing()
    made = await session.execute(statement.returning(col(PartnerCallbackRow.order_id)))
    return made.first() is not None
