"""All SQL about exports. The caller's transaction commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_auth.exports_models import ExportRow
from mizzap_auth.models import AuditRow, SessionRow

_UNDER_WAY = ("queued", "building")


@dataclass(frozen=True)
class Claim:
    """An export that this process builds; ``try_number`` tells it from a builder that was given up."""

    export_id: int
    user_id: int
    try_number: int


async def begin(session: AsyncSession, user_id: int, now: datetime) -> ExportRow | None:
    """A new one; None while one is under way."""
    statement = insert(ExportRow).values(
        user_id=user_id, status="queued", tries=0, photos_done=0, photos_total=0, bytes_done=0, created_at=now
    )
    return (await session.scalars(statement.on_conflict_do_nothing().returning(ExportRow))).first()


async def under_way(session: AsyncSession, user_id: int) -> ExportRow | None:
    statement = select(ExportRow).where(col(ExportRow.user_id) == user_id, col(ExportRow.status).in_(_UNDER_WAY))
    return (await session.scalars(statement)).first()


def _is(user_id: int, export_id: int) -> ColumnElement[bool]:
    return (col(ExportRow.user_id) == user_id) & (col(ExportRow.id) == export_id)


async def get(session: AsyncSession, user_id: int, export_id: int) -> ExportRow | None:
    return (await session.scalars(select(ExportRow).where(_is(user_id, export_id)))).first()


async def of_user(session: AsyncSession, user_id: int, limit: int = 100) -> Sequence[ExportRow]:
    """The newest first."""
    statement = select(ExportRow).where(col(ExportRow.user_id) == user_id).order_by(col(ExportRow.id).desc())
    return (await session.scalars(statement.limit(limit))).all()


async def remove(session: AsyncSession, user_id: int, export_id: int) -> bool:
    """False when there is none."""
    gone = await session.execute(delete(ExportRow).where(_is(user_id, export_id)).returning(col(ExportRow.id)))
    return gone.first() is not None


async def claim(session: AsyncSession, now: datetime, until: datetime) -> Claim | None:
    """The export that has waited longest, or one whose builder fell silent."""
    silent = (col(ExportRow.status) == "building") & (col(ExportRow.claimed_until) < now)
    waiting = (
        select(col(ExportRow.id))
        .where(or_(col(ExportRow.status) == "queued", silent))
        .order_by(col(ExportRow.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    begun = {
        "status": "building",
        "tries": col(ExportRow.tries) + 1,
        "claimed_until": until,
        "photos_done": 0,
        "photos_total": 0,
        "bytes_done": 0,
    }
    statement = (
        update(ExportRow)
        .where(col(ExportRow.id) == waiting.scalar_subquery())
        .values(begun)
        .returning(col(ExportRow.id), col(ExportRow.user_id), col(ExportRow.tries))
    )
    row = (await session.execute(statement)).first()
    return Claim(row.id or 0, row.user_id, row.tries) if row else None


async def change_claimed(session: AsyncSession, claim: Claim, values: dict[str, Any]) -> bool:
    """False when the claim is no longer this builder's: given to another, cancelled, or its user is gone."""
    mine = (
        _is(claim.user_id, claim.export_id),
        col(ExportRow.status) == "building",
        col(ExportRow.tries) == claim.try_number,
    )
    changed = await session.execute(update(ExportRow).where(*mine).values(values).returning(col(ExportRow.id)))
    return changed.first() is not None


async def supersede(session: AsyncSession, claim: Claim, now: datetime) -> None:
    """Ends the time of the user's other exports."""
    others = (col(ExportRow.user_id) == claim.user_id, col(ExportRow.id) != claim.export_id)
    kept = (col(ExportRow.status) == "ready", col(ExportRow.expires_at) > now)
    await session.execute(update(ExportRow).where(*others, *kept).values(expires_at=now))


async def over(session: AsyncSession, now: datetime, limit: int = 100) -> Sequence[ExportRow]:
    """Exports whose time is over, locked."""
    statement = (
        select(ExportRow)
        .where(col(ExportRow.status) == "ready", col(ExportRow.expires_at) <= now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(statement)).all()


async def expire(session: AsyncSession, user_id: int, export_id: int) -> None:
    await session.execute(update(ExportRow).where(_is(user_id, export_id)).values(status="expired"))


async def sessions(session: AsyncSession, user_id: int, after: int, limit: int) -> Sequence[SessionRow]:
    """The user's logins of which something is known, by id."""
    statement = select(SessionRow).where(col(SessionRow.user_id) == user_id, col(SessionRow.id) > after)
    return (await session.scalars(statement.order_by(col(SessionRow.id)).limit(limit))).all()


async def audit(session: AsyncSession, user_id: int, after: int, limit: int) -> Sequence[AuditRow]:
    """The user's audit log, the oldest entry first."""
    statement = select(AuditRow).where(col(AuditRow.user_id) == user_id, col(AuditRow.seq) > after)
    return (await session.scalars(statement.order_by(col(AuditRow.seq)).limit(limit))).all()
