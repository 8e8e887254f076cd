"""All SQL about consents. Every query names the user; the caller's transaction commits."""

from mizzap_common.contracts import consents
from mizzap_common.contracts.events import Purpose
from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_auth.models import ConsentRow, UserRow

_MOST_HISTORY = 500


async def lock_user(session: AsyncSession, user_id: int) -> bool:
    """Lets nobody else change this user's consents until the transaction ends. False when there is no such user."""
    statement = select(col(UserRow.id)).where(col(UserRow.id) == user_id, col(UserRow.deleted_at).is_(None))
    # not against those who only refer to the user, as a session that begins does
    return (await session.execute(statement.with_for_update(key_share=True))).first() is not None


async def add(session: AsyncSession, said: consents.ChangeConsent) -> tuple[int, consents.Consent]:
    """The number of the change, and how the user stands to the purpose from here on."""
    statement = (
        insert(ConsentRow)
        .values(user_id=said.user_id, purpose=said.purpose, version=said.version, granted=said.granted)
        .returning(ConsentRow)
    )
    row = (await session.scalars(statement)).one()
    assert row.id is not None
    return row.id, _consent(row)


async def current(session: AsyncSession, user_id: int) -> dict[Purpose, consents.Consent]:
    """The latest word about each purpose that the user said anything about."""
    statement = (
        select(ConsentRow)
        .where(col(ConsentRow.user_id) == user_id)
        .ext(distinct_on(col(ConsentRow.purpose)))
        .order_by(col(ConsentRow.purpose), col(ConsentRow.id).desc())
    )
    found = [_consent(row) for row in await session.scalars(statement)]
    return {consent.purpose: consent for consent in found}


async def history(session: AsyncSession, user_id: int) -> list[consents.ConsentEntry]:
    """The newest first."""
    statement = (
        select(ConsentRow)
        .where(col(ConsentRow.user_id) == user_id)
        .order_by(col(ConsentRow.id).desc())
        .limit(_MOST_HISTORY)
    )
    rows = await session.scalars(statement)
    return [consents.ConsentEntry.model_validate(row, from_attributes=True) for row in rows]


async def said_after(session: AsyncSession, user_id: int, after: int, limit: int) -> list[ConsentRow]:
    """Everything that was ever said, the oldest first, behind this change."""
    statement = select(ConsentRow).where(col(ConsentRow.user_id) == user_id, col(ConsentRow.id) > after)
    return list(await session.scalars(statement.order_by(col(ConsentRow.id)).limit(limit)))


async def mark_privacy(session: AsyncSession, user_id: int, accepted: bool) -> None:
    """Keeps the account's own columns in step."""
    await session.execute(
        update(UserRow)
        .where(col(UserRow.id) == user_id)
        .values(privacy_accepted=accepted, gdpr_consent_date=func.now() if accepted else None, updated_at=func.now())
    )


def _consent(row: ConsentRow) -> consents.Consent:
    return consents.Consent.model_validate(row, from_attributes=True)
