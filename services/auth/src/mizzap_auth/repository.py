"""The SQL of accounts."""

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_auth.models import UserRow

_LIVING = col(UserRow.deleted_at).is_(None)


async def next_user_id(session: AsyncSession) -> int:
    """An id of its own, before the row: what is sealed in it is bound to it."""
    found = await session.execute(text("SELECT nextval(pg_get_serial_sequence('users', 'id'))"))
    return int(found.scalar_one())


async def add_user(session: AsyncSession, values: dict[str, object]) -> UserRow | None:
    """None when somebody has this e-mail address already."""
    statement = insert(UserRow).values(values).on_conflict_do_nothing().returning(UserRow)
    return (await session.execute(statement)).scalar_one_or_none()


async def find_user(session: AsyncSession, user_id: int) -> UserRow | None:
    statement = select(UserRow).where(col(UserRow.id) == user_id, _LIVING)
    return (await session.execute(statement)).scalar_one_or_none()


async def find_login(session: AsyncSession, email_index: bytes) -> UserRow | None:
    statement = select(UserRow).where(col(UserRow.email_index) == email_index, _LIVING)
    return (await session.execute(statement)).scalar_one_or_none()


async def still_has_password(session: AsyncSession, user_id: int, password_hash: str) -> bool:
    """Whether it was not changed since it was read; nobody changes it before this transaction ends."""
    statement = (
        select(col(UserRow.id))
        .where(col(UserRow.id) == user_id, col(UserRow.password_hash) == password_hash, _LIVING)
        .with_for_update(read=True)
    )
    return (await session.execute(statement)).first() is not None


async def replace_password(session: AsyncSession, user_id: int, old_hash: str, new_hash: str) -> bool:
    """False when somebody else was faster."""
    statement = (
        update(UserRow)
        .where(col(UserRow.id) == user_id, col(UserRow.password_hash) == old_hash, _LIVING)
        .values(password_hash=new_hash, updated_at=func.now())
        .returning(col(UserRow.id))
    )
    return (await session.execute(statement)).first() is not None


async def update_user(session: AsyncSession, user_id: int, values: dict[str, object]) -> UserRow | None:
    statement = (
        update(UserRow)
        .where(col(UserRow.id) == user_id, _LIVING)
        .values({**values, "updated_at": func.now()})
        .returning(UserRow)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def hold_login(session: AsyncSession, email_index: bytes) -> UserRow | None:
    """As ``find_login``, and nobody else changes the account before this transaction ends."""
    statement = select(UserRow).where(col(UserRow.email_index) == email_index, _LIVING).with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def hold_emails(session: AsyncSession, after: int, limit: int) -> list[tuple[int, bytes]]:
    """(id, sealed address) of the next users by id; nobody else changes them before this transaction ends."""
    statement = (
        select(col(UserRow.id), col(UserRow.email))
        .where(col(UserRow.id) > after)
        .order_by(col(UserRow.id))
        .limit(limit)
        .with_for_update()
    )
    return [(row.id, row.email) for row in await session.execute(statement)]


async def replace_email(session: AsyncSession, user_id: int, sealed: bytes) -> None:
    await session.execute(update(UserRow).where(col(UserRow.id) == user_id).values(email=sealed))


async def count_users(session: AsyncSession) -> int:
    return int((await session.execute(select(func.count()).select_from(UserRow))).scalar_one())
