"""The SQL of accounts."""

from collections.abc import Sequence

from mizzap_common import tombstones
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_auth.models import CHANGE_NUMBERS, UserRow

_ADDRESS_LOCK = 7_700_010
_LIVING = col(UserRow.deleted_at).is_(None)


async def next_user_id(session: AsyncSession) -> int:
    """An id of its own, before the row: what is sealed in it is bound to it."""
    found = await session.execute(text("SELECT nextval(pg_get_serial_sequence('users', 'id'))"))
    return int(found.scalar_one())


async def add_user(session: AsyncSession, values: dict[str, object], email_indexes: Sequence[bytes]) -> UserRow | None:
    """None when somebody has this e-mail address already, under any of its indexes; the first is the one to keep."""
    for key in sorted(int.from_bytes(index[:4], signed=True) for index in email_indexes):
        # under two indexes the table would take one address twice
        await session.execute(select(func.pg_advisory_xact_lock(_ADDRESS_LOCK, key)))
    taken = select(col(UserRow.id)).where(col(UserRow.email_index).in_(email_indexes))
    if (await session.execute(taken)).first() is not None:
        return None
    statement = insert(UserRow).values({**values, "email_index": email_indexes[0]})
    return (await session.execute(statement.on_conflict_do_nothing().returning(UserRow))).scalar_one_or_none()


async def find_user(session: AsyncSession, user_id: int) -> UserRow | None:
    statement = select(UserRow).where(col(UserRow.id) == user_id, _LIVING)
    return (await session.execute(statement)).scalar_one_or_none()


async def hold_user(session: AsyncSession, user_id: int) -> bool:
    """Whether there is such an account; nobody erases it before this transaction ends.

    To be asked before anything else is locked: an erasure begins with the same lock.
    """
    if await tombstones.is_user_buried(session, user_id):
        return False
    statement = select(col(UserRow.id)).where(col(UserRow.id) == user_id, _LIVING)
    return (await session.execute(statement)).first() is not None


async def find_login(session: AsyncSession, email_indexes: Sequence[bytes]) -> UserRow | None:
    statement = select(UserRow).where(col(UserRow.email_index).in_(email_indexes), _LIVING)
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


async def change_tier(session: AsyncSession, user_id: int, tier: str) -> int:
    """The change's number, higher than that of any before it."""
    number = func.greatest(col(UserRow.tier_changes) + 1, CHANGE_NUMBERS.next_value())
    statement = (
        update(UserRow)
        .where(col(UserRow.id) == user_id)
        .values(tier=tier, tier_changes=number, updated_at=func.now())
        .returning(col(UserRow.tier_changes))
    )
    return (await session.execute(statement)).scalar_one()


async def hold_login(session: AsyncSession, email_indexes: Sequence[bytes]) -> UserRow | None:
    """As ``find_login``, and nobody else changes the account before this transaction ends."""
    statement = select(UserRow).where(col(UserRow.email_index).in_(email_indexes), _LIVING).with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def hold_emails(session: AsyncSession, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
    """(id, sealed address, its index) of the next users by id; nobody else changes them before this transaction ends."""
    statement = (
        select(col(UserRow.id), col(UserRow.email), col(UserRow.email_index))
        .where(col(UserRow.id) > after)
        .order_by(col(UserRow.id))
        .limit(limit)
        .with_for_update()
    )
    return [(row.id, row.email, row.email_index) for row in await session.execute(statement)]


async def replace_email(session: AsyncSession, user_id: int, sealed: bytes, index: bytes) -> None:
    values = {"email": sealed, "email_index": index}
    await session.execute(update(UserRow).where(col(UserRow.id) == user_id).values(values))


async def count_users(session: AsyncSession) -> int:
    return int((await session.execute(select(func.count()).select_from(UserRow))).scalar_one())
