"""All SQL of the auth service."""

from dataclasses import dataclass
from datetime import timedelta

from mizzap_common.contracts import accounts
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_ignore
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_auth.models import RefreshTokenRow, SessionRow, UserRow


@dataclass(frozen=True)
class HeldToken:
    """A refresh token that nobody else can rotate during this transaction."""

    session_id: int
    user: accounts.User
    over: bool
    """The session has ended, by time or by revocation, or its user is gone."""
    rotated_ago: timedelta | None
    """None while the token is its session's newest."""
    successor_salt: bytes | None


async def add_user(session: AsyncSession, values: dict[str, object]) -> accounts.User | None:
    """None when somebody has this e-mail address already."""
    statement = insert_or_ignore(UserRow).values(values).on_conflict_do_nothing().returning(UserRow)
    row = (await session.execute(statement)).scalar_one_or_none()
    return None if row is None else _user(row)


async def find_user(session: AsyncSession, user_id: int) -> accounts.User | None:
    statement = select(UserRow).where(col(UserRow.id) == user_id, col(UserRow.deleted_at).is_(None))
    row = (await session.execute(statement)).scalar_one_or_none()
    return None if row is None else _user(row)


async def find_login(session: AsyncSession, email_normalised: str) -> tuple[accounts.User, str] | None:
    """The user with this address, and the password's hash."""
    statement = select(UserRow).where(
        col(UserRow.email_normalised) == email_normalised, col(UserRow.deleted_at).is_(None)
    )
    row = (await session.execute(statement)).scalar_one_or_none()
    return None if row is None else (_user(row), row.password_hash)


async def open_session(session: AsyncSession, user_id: int, token_hash: str, days: int) -> None:
    statement = (
        insert(SessionRow)
        .values(user_id=user_id, expires_at=func.now() + timedelta(days=days))
        .returning(col(SessionRow.id))
    )
    session_id = (await session.execute(statement)).scalar_one()
    await session.execute(insert(RefreshTokenRow).values(token_hash=token_hash, session_id=session_id))


async def hold_token(session: AsyncSession, token_hash: str) -> HeldToken | None:
    """Waits for whoever else holds the token, and sees what they left."""
    statement = (
        select(
            RefreshTokenRow,
            UserRow,
            (func.clock_timestamp() - col(RefreshTokenRow.rotated_at)).label("rotated_ago"),
            col(SessionRow.revoked_at).is_not(None)
            | (col(SessionRow.expires_at) < func.now())
            | col(UserRow.deleted_at).is_not(None),
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
    return HeldToken(token.session_id, _user(user), over, rotated_ago, token.successor_salt)


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
        update(SessionRow).where(col(SessionRow.id) == session_id).values(expires_at=func.now() + timedelta(days=days))
    )


async def revoke(session: AsyncSession, session_id: int) -> None:
    await session.execute(update(SessionRow).where(col(SessionRow.id) == session_id).values(revoked_at=func.now()))


async def forget_ended_sessions(session: AsyncSession) -> None:
    await session.execute(delete(SessionRow).where(col(SessionRow.expires_at) < func.now()))


def _user(row: UserRow) -> accounts.User:
    return accounts.User.model_validate(row.model_dump(include=set(accounts.User.model_fields)))
