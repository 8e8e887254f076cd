"""All SQL about erasures. The caller's transaction commits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from mizzap_common import erasure
from mizzap_common.contracts import events
from sqlalchemy import ARRAY, BigInteger, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_auth.erasures_models import ErasureRow, ReceiptRow
from mizzap_auth.models import UserRow, metadata


async def password_hash(session: AsyncSession, user_id: int) -> str | None:
    """None when there is no such user."""
    return (await session.scalars(select(col(UserRow.password_hash)).where(col(UserRow.id) == user_id))).first()


async def remove_user(session: AsyncSession, user_id: int) -> bool:
    """Deletes all that this service has of the user. False when there was no such account."""
    await erasure.delete_rows(session, metadata, user_id)
    gone = await session.execute(delete(UserRow).where(col(UserRow.id) == user_id).returning(col(UserRow.id)))
    return gone.first() is not None


async def open_erasure(
    session: AsyncSession, user_id: int, erasure_id: str, requested_at: datetime, now: datetime
) -> ErasureRow:
    """The user's one erasure, begun, or begun again under its old id."""
    values = {"requested_at": requested_at, "opened_at": now, "asked_at": now}
    statement = insert(ErasureRow).values(user_id=user_id, erasure_id=erasure_id, asked=1, **values)
    again: dict[str, Any] = {
        "opened_at": now,
        "asked_at": now,
        "asked": col(ErasureRow.asked) + 1,
        "final_from": None,
        "completed_at": None,
    }
    statement = statement.on_conflict_do_update(index_elements=["user_id"], set_=again)
    return (await session.scalars(statement.returning(ErasureRow), execution_options={"populate_existing": True})).one()


async def open_ids(session: AsyncSession) -> Sequence[int]:
    """The users whose erasure is not complete, the oldest first."""
    statement = select(col(ErasureRow.user_id)).where(col(ErasureRow.completed_at).is_(None))
    return (await session.scalars(statement.order_by(col(ErasureRow.requested_at)))).all()


async def hold(session: AsyncSession, user_id: int) -> ErasureRow | None:
    """The open erasure, which nobody else advances until this transaction ends; None when somebody else holds it."""
    statement = select(ErasureRow).where(col(ErasureRow.user_id) == user_id, col(ErasureRow.completed_at).is_(None))
    return (await session.scalars(statement.with_for_update(skip_locked=True))).first()


async def change(session: AsyncSession, user_id: int, values: dict[str, Any]) -> None:
    await session.execute(update(ErasureRow).where(col(ErasureRow.user_id) == user_id).values(values))


async def put_receipt(session: AsyncSession, service: str, receipt: events.ErasureReceipt, now: datetime) -> None:
    """Adds up what was removed. A receipt for an erasure that isn't known is dropped."""
    known = select(col(ErasureRow.user_id)).where(col(ErasureRow.erasure_id) == receipt.erasure_id)
    user_id = (await session.scalars(known)).first()
    if user_id is None:
        return
    statement = insert(ReceiptRow).values(
        user_id=user_id,
        service=service,
        asked=receipt.asked,
        rows=receipt.rows,
        objects=receipt.objects,
        received_at=now,
    )
    added = {
        "asked": func.greatest(col(ReceiptRow.asked), receipt.asked),
        "rows": col(ReceiptRow.rows) + receipt.rows,
        "objects": col(ReceiptRow.objects) + receipt.objects,
        "received_at": now,
    }
    await session.execute(statement.on_conflict_do_update(index_elements=["user_id", "service"], set_=added))


async def receipts(session: AsyncSession, user_id: int) -> Sequence[ReceiptRow]:
    statement = select(ReceiptRow).where(col(ReceiptRow.user_id) == user_id).order_by(col(ReceiptRow.service))
    return (await session.scalars(statement)).all()


async def open_erasures(session: AsyncSession) -> Sequence[ErasureRow]:
    statement = select(ErasureRow).where(col(ErasureRow.completed_at).is_(None))
    return (await session.scalars(statement.order_by(col(ErasureRow.requested_at)))).all()


async def among_users(session: AsyncSession, user_ids: Collection[int]) -> list[int]:
    """Those of them that have an account."""
    # as one array: a statement has 65,535 parameters at most, and the ledger only grows
    ids = bindparam("ids", list(user_ids), ARRAY(BigInteger))
    found = await session.scalars(select(col(UserRow.id)).where(col(UserRow.id) == any_(ids)))
    return [user_id for user_id in found if user_id is not None]
