"""The SQL of sessions and their refresh tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_auth.models import RefreshTokenRow, SessionRow, UserRow

_ALIVE = col(SessionRow.revoked_at).is_(None) & (col(SessionRow.expires_at) > func.now())
_USED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class HeldToken:
    """A refresh token that nobody else can rotate during this transaction."""

    session_id: int
    user: UserRow
    over: bool
    """The session has ended, by time or by revocation, or its user is gone."""
    rotated_ago: timedelta | None
    """None while the token is its session's newest."""
    successor_salt: bytes | None


async def open_session(session: AsyncSession, user_id: int, device_name: str, token_hash: str, days: int) -> int:
    """The new session's id."""
    statement = (
        insert(SessionRow)
        .values(user_id=user_id, device_name=device_name, expires_at=func.now() + timedelta(days=days))
        .returning(col(SessionRow.id))
    )
    session_id: int = (await session.execute(statement)).one().id
    await session.execute(insert(RefreshTokenRow).values(token_hash=token_hash, session_id=session_id))
    return session_id


async def owner_of_token(session: AsyncSession, token_hash: str) -> int | None:
    """Whose token it is; None for one that isn't known."""
    statement = (
        select(col(SessionRow.user_id))
        .join(RefreshTokenRow, col(RefreshTokenRow.session_id) == col(SessionRow.id))
        .where(col(RefreshTokenRow.token_hash) == token_hash)
    )
    return (await session.scalars(statement)).one_or_none()


async def hold_token(session: AsyncSession, token_hash: str) -> HeldToken | None:
    """Waits for whoever else holds the token, and sees what they left."""
    statement = (
        select(
            RefreshTokenRow,
            UserRow,
            (func.clock_timestamp() - col(RefreshTokenRow.rotated_at)).label("rotated_ago"),
            ~_ALIVE | col(UserRow.deleted_at).is_not(None),
        )
        .join(SessionRow, col(SessionRow.id) == col(RefreshTokenRow.session_id))
        .join(UserRow, col(UserRow.id) == col(SessionRow.user_id))
        .where(col(RefreshTokenRow.token_hash) == token_hash)
        .with_for_update(of=RefreshTokenRow)
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return None
    token, user, rotated_ago, over = row
    return HeldToken(token.session_id, user, over, rotated_ago, token.successor_salt)


async def rotate(
    session: AsyncSession, session_id: int, token_hash: str, salt: bytes, successor_hash: str, days: int
) -> None:
    await session.execute(
        update(RefreshTokenRow)
        .where(col(RefreshTokenRow.token_hash) == token_hash)
        .values(rotated_at=func.clock_timestamp(), successor_salt=salt)
    )
    await session.execute(insert(RefreshTokenRow).values(token_hash=successor_hash, session_id=session_id))
    await session.execute(
        update(SessionRow)
        .where(col(SessionRow.id) == session_id)
        .values(expires_at=func.now() + timedelta(days=days), last_used_at=func.now())
    )


async def is_alive(session: AsyncSession, user_id: int, session_id: int) -> bool:
    """Remembers that the session is in use, too; seldom enough not to be a write with every look."""
    statement = (
        select((col(SessionRow.last_used_at) < func.now() - _USED_EVERY).label("unnoticed"))
        .join(UserRow, col(UserRow.id) == col(SessionRow.user_id))
        .where(
            col(SessionRow.id) == session_id,
            col(SessionRow.user_id) == user_id,
            col(UserRow.deleted_at).is_(None),
            _ALIVE,
        )
    )
    found = (await session.execute(statement)).first()
    if found is not None and found.unnoticed:
        used = update(SessionRow).where(col(SessionRow.id) == session_id, col(SessionRow.user_id) == user_id)
        await session.execute(used.values(last_used_at=func.now()))
    return found is not None


async def list_sessions(session: AsyncSession, user_id: int, page: int, limit: int) -> tuple[Sequence[SessionRow], int]:
    """The living ones, the last used first, and how many there are."""
    living = (col(SessionRow.user_id) == user_id, _ALIVE)
    total = (await session.execute(select(func.count()).select_from(SessionRow).where(*living))).scalar_one()
    statement = (
        select(SessionRow)
        .where(*living)
        .order_by(col(SessionRow.last_used_at).desc(), col(SessionRow.id).desc())
        .offset((page - 1) * limit)
        .limit(limit)
    )
    return (await session.execute(statement)).scalars().all(), int(total)


async def end(session: AsyncSession, user_id: int, session_id: int) -> list[int]:
    """Ends one session; gives its id, or nothing when the user has no such session alive."""
    return await _end(session, user_id, col(SessionRow.id) == session_id)


async def end_but(session: AsyncSession, user_id: int, session_id: int | None) -> list[int]:
    """Ends all of the user's sessions but this one; None spares none. Gives the ids."""
    others: Any = col(SessionRow.id).is_distinct_from(session_id)
    return await _end(session, user_id, others)


async def _end(session: AsyncSession, user_id: int, which: ColumnElement[bool]) -> list[int]:
    # locked in one order: two of the user's devices that end each other's sessions must not wait in a circle
    held = (
        select(col(SessionRow.id))
        .where(col(SessionRow.user_id) == user_id, which, _ALIVE)
        .order_by(col(SessionRow.id))
        .with_for_update(key_share=True)
    )
    ids = [row.id for row in await session.execute(held)]
    if ids:
        await session.execute(update(SessionRow).where(col(SessionRow.id).in_(ids)).values(revoked_at=func.now()))
    return ids


async def forget_ended(session: AsyncSession) -> None:
    await session.execute(delete(SessionRow).where(col(SessionRow.expires_at) < func.now()))
