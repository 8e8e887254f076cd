"""All SQL of the audit log. Every query but the retention's and the verification's names the owner."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime

from mizzap_common.contracts import audit
from sqlalchemy import CompoundSelect, delete, func, insert, or_, select, text, union, update
from sqlalchemy.dialects.postgresql import insert as insert_or_ignore
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_auth.audit_chain import Entry, Head
from mizzap_auth.models import AuditHeadRow, AuditRow, UserRow

_HEAD = [col(getattr(AuditHeadRow, field.name)) for field in fields(Head)]
_ENTRY = [col(getattr(AuditRow, field.name)) for field in fields(Entry)]


async def hold_head(session: AsyncSession, user_id: int) -> Head | None:
    """The head, which nobody else changes during this transaction: entries of a user come one after the other."""
    statement = select(*_HEAD).where(col(AuditHeadRow.user_id) == user_id).with_for_update()
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else Head(*row)


async def add_head(session: AsyncSession, head: Head) -> None:
    await session.execute(insert_or_ignore(AuditHeadRow).values(asdict(head)).on_conflict_do_nothing())


async def change_head(session: AsyncSession, head: Head) -> None:
    values = asdict(head)
    await session.execute(update(AuditHeadRow).where(col(AuditHeadRow.user_id) == values.pop("user_id")).values(values))


async def add(session: AsyncSession, entry: Entry) -> None:
    await session.execute(insert(AuditRow).values(asdict(entry)))


async def last_seq(session: AsyncSession, user_id: int) -> int:
    statement = select(func.coalesce(func.max(col(AuditRow.seq)), 0)).where(col(AuditRow.user_id) == user_id)
    return int((await session.execute(statement)).scalar_one())


async def entries(session: AsyncSession, user_id: int) -> list[Entry]:
    """In the order of ``seq``."""
    statement = select(*_ENTRY).where(col(AuditRow.user_id) == user_id).order_by(col(AuditRow.seq))
    return [Entry(*row) for row in await session.execute(statement)]


async def old_entries(session: AsyncSession, user_id: int, before: datetime, limit: int) -> list[Entry]:
    """The first entries, up to the one that is not older, in the order of ``seq``."""
    mine = col(AuditRow.user_id) == user_id
    first_kept = select(func.min(col(AuditRow.seq))).where(mine, col(AuditRow.at) >= before).scalar_subquery()
    old = or_(first_kept.is_(None), col(AuditRow.seq) < first_kept)
    statement = select(*_ENTRY).where(mine, old).order_by(col(AuditRow.seq)).limit(limit)
    return [Entry(*row) for row in await session.execute(statement)]


async def page(session: AsyncSession, request: audit.ListAudit) -> tuple[list[Entry], int]:
    mine = col(AuditRow.user_id) == request.user_id
    statement = (
        select(*_ENTRY)
        .where(mine)
        .order_by(col(AuditRow.seq).desc())
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    total = (await session.execute(select(func.count()).select_from(AuditRow).where(mine))).scalar_one()
    return [Entry(*row) for row in await session.execute(statement)], total


async def users_with_entries_before(session: AsyncSession, moment: datetime) -> Sequence[int]:
    return (await session.scalars(select(col(AuditRow.user_id)).where(col(AuditRow.at) < moment).distinct())).all()


async def everybody(session: AsyncSession) -> Sequence[int]:
    """Everybody who has an account or a log."""
    statement: CompoundSelect[int] = union(
        select(col(UserRow.id)).where(col(UserRow.deleted_at).is_(None)),
        select(col(AuditHeadRow.user_id)),
        select(col(AuditRow.user_id)),
    )
    return sorted((await session.scalars(statement)).all())


async def drop(session: AsyncSession, user_id: int, up_to: int) -> None:
    """Removes a user's entries up to this one; the table's trigger lets nobody else do so."""
    await session.execute(text("SELECT set_config('mizzap.audit_forgets', 'yes', true)"))
    await session.execute(delete(AuditRow).where(col(AuditRow.user_id) == user_id, col(AuditRow.seq) <= up_to))
    await session.execute(text("SELECT set_config('mizzap.audit_forgets', 'no', true)"))


async def remove_head(session: AsyncSession, user_id: int) -> None:
    await session.execute(delete(AuditHeadRow).where(col(AuditHeadRow.user_id) == user_id))
