"""All SQL about families; the caller's transaction commits. Who may see or change one, `families.py` decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from mizzap_common.contracts import families
from mizzap_common.contracts.events import FamilyRole
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_auth.models import CHANGE_NUMBERS, FamilyInvitationRow, FamilyMemberRow, FamilyRow, UserRow


@dataclass(frozen=True)
class Standing:
    """A member's role, in a family of so many owners and members."""

    role: FamilyRole
    owners: int
    members: int

    @property
    def is_last_owner(self) -> bool:
        return self.role == "owner" and self.owners == 1


@dataclass(frozen=True)
class NewInvitation:
    family_id: int
    role: FamilyRole
    token_hash: str
    email_index: bytes | None
    lasts: timedelta


@dataclass(frozen=True)
class UsedInvitation:
    role: FamilyRole
    email_index: bytes | None


# --- families ---------------------------------------------------------------------------------------------------


async def add(session: AsyncSession, name: str) -> int:
    made = await session.execute(insert(FamilyRow).values(name=name).returning(col(FamilyRow.id)))
    return cast(int, made.scalar_one())


async def lock(session: AsyncSession, family_id: int) -> bool:
    """Lets nobody else change the family until the transaction ends. False when there is none."""
    statement = select(col(FamilyRow.id)).where(col(FamilyRow.id) == family_id)
    return (await session.execute(statement.with_for_update())).first() is not None


async def of_user(session: AsyncSession, user_id: int) -> list[families.Family]:
    """The families that the user is in, the oldest first."""
    count = (
        select(func.count()).where(col(FamilyMemberRow.family_id) == col(FamilyRow.id)).correlate(FamilyRow)
    ).scalar_subquery()
    statement = (
        select(
            col(FamilyRow.id),
            col(FamilyRow.name),
            col(FamilyRow.created_at),
            col(FamilyMemberRow.role),
            count.label("member_count"),
        )
        .join(FamilyMemberRow, col(FamilyMemberRow.family_id) == col(FamilyRow.id))
        .where(col(FamilyMemberRow.user_id) == user_id)
        .order_by(col(FamilyRow.id))
    )
    rows = await session.execute(statement)
    return [families.Family.model_validate(row, from_attributes=True) for row in rows]


async def rename(session: AsyncSession, family_id: int, name: str) -> None:
    await session.execute(update(FamilyRow).where(col(FamilyRow.id) == family_id).values(name=name))


async def next_change(session: AsyncSession, family_id: int) -> int:
    """The number of the family's next event, higher than that of any before it."""
    statement = (
        update(FamilyRow)
        .where(col(FamilyRow.id) == family_id)
        .values(change=func.greatest(col(FamilyRow.change) + 1, CHANGE_NUMBERS.next_value()))
        .returning(col(FamilyRow.change))
    )
    return (await session.execute(statement)).scalar_one()


async def remove(session: AsyncSession, family_id: int) -> None:
    """Members and invitations go with it."""
    await session.execute(delete(FamilyRow).where(col(FamilyRow.id) == family_id))


# --- members ----------------------------------------------------------------------------------------------------


async def add_member(session: AsyncSession, family_id: int, user_id: int, role: FamilyRole) -> None:
    await session.execute(insert(FamilyMemberRow).values(family_id=family_id, user_id=user_id, role=role))


async def roles(session: AsyncSession, family_id: int) -> dict[int, FamilyRole]:
    """All members, those who joined first in front."""
    statement = (
        select(col(FamilyMemberRow.user_id), col(FamilyMemberRow.role))
        .where(col(FamilyMemberRow.family_id) == family_id)
        .order_by(col(FamilyMemberRow.id))
    )
    return {row.user_id: cast(FamilyRole, row.role) for row in await session.execute(statement)}


async def role_of(session: AsyncSession, family_id: int, user_id: int) -> FamilyRole | None:
    return (await roles(session, family_id)).get(user_id)


async def standing(session: AsyncSession, family_id: int, user_id: int) -> Standing | None:
    """None for who is no member."""
    known = await roles(session, family_id)
    if user_id not in known:
        return None
    return Standing(known[user_id], list(known.values()).count("owner"), len(known))


async def longest_member(session: AsyncSession, family_id: int, but_not: int) -> int:
    return next(user_id for user_id in await roles(session, family_id) if user_id != but_not)


async def members(session: AsyncSession, family_id: int) -> list[families.Member]:
    """With their names, never their addresses."""
    name = func.coalesce(func.nullif(col(UserRow.full_name), ""), func.nullif(col(UserRow.username), ""))
    statement = (
        select(
            col(FamilyMemberRow.user_id),
            name.label("name"),
            col(FamilyMemberRow.role),
            col(FamilyMemberRow.joined_at),
        )
        .join(UserRow, col(UserRow.id) == col(FamilyMemberRow.user_id))
        .where(col(FamilyMemberRow.family_id) == family_id)
        .order_by(col(FamilyMemberRow.id))
    )
    rows = await session.execute(statement)
    return [families.Member.model_validate(row, from_attributes=True) for row in rows]


async def change_role(session: AsyncSession, family_id: int, user_id: int, role: FamilyRole) -> None:
    await session.execute(
        update(FamilyMemberRow)
        .where(col(FamilyMemberRow.family_id) == family_id, col(FamilyMemberRow.user_id) == user_id)
        .values(role=role)
    )


async def remove_member(session: AsyncSession, family_id: int, user_id: int) -> None:
    await session.execute(
        delete(FamilyMemberRow).where(
            col(FamilyMemberRow.family_id) == family_id, col(FamilyMemberRow.user_id) == user_id
        )
    )


# --- invitations ------------------------------------------------------------------------------------------------


async def add_invitation(session: AsyncSession, new: NewInvitation) -> families.Invitation:
    """Also clears away those of the family that nobody can use any more."""
    expired = delete(FamilyInvitationRow).where(
        col(FamilyInvitationRow.family_id) == new.family_id, col(FamilyInvitationRow.expires_at) <= func.now()
    )
    await session.execute(expired)
    statement = (
        insert(FamilyInvitationRow)
        .values(
            family_id=new.family_id,
            role=new.role,
            token_hash=new.token_hash,
            email_index=new.email_index,
            expires_at=func.now() + new.lasts,
        )
        .returning(FamilyInvitationRow)
    )
    return _invitation((await session.scalars(statement)).one())


async def invitations(session: AsyncSession, family_id: int) -> list[families.Invitation]:
    """The open ones."""
    statement = (
        select(FamilyInvitationRow)
        .where(col(FamilyInvitationRow.family_id) == family_id, col(FamilyInvitationRow.expires_at) > func.now())
        .order_by(col(FamilyInvitationRow.id))
    )
    return [_invitation(row) for row in await session.scalars(statement)]


async def remove_invitations_for(session: AsyncSession, email_indexes: Sequence[bytes]) -> None:
    theirs = col(FamilyInvitationRow.email_index).in_(email_indexes)
    await session.execute(delete(FamilyInvitationRow).where(theirs))


async def remove_invitation(session: AsyncSession, family_id: int, invitation_id: int) -> bool:
    statement = (
        delete(FamilyInvitationRow)
        .where(col(FamilyInvitationRow.family_id) == family_id, col(FamilyInvitationRow.id) == invitation_id)
        .returning(col(FamilyInvitationRow.id))
    )
    return (await session.execute(statement)).first() is not None


async def family_invited_to(session: AsyncSession, token_hash: str) -> int | None:
    statement = select(col(FamilyInvitationRow.family_id)).where(col(FamilyInvitationRow.token_hash) == token_hash)
    return (await session.execute(statement)).scalar_one_or_none()


async def use_invitation(session: AsyncSession, token_hash: str) -> UsedInvitation | None:
    """Takes the invitation away; None when somebody was quicker or its time is over."""
    statement = (
        delete(FamilyInvitationRow)
        .where(col(FamilyInvitationRow.token_hash) == token_hash, col(FamilyInvitationRow.expires_at) > func.now())
        .returning(col(FamilyInvitationRow.role), col(FamilyInvitationRow.email_index))
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else UsedInvitation(cast(FamilyRole, row.role), row.email_index)


def _invitation(row: FamilyInvitationRow) -> families.Invitation:
    return families.Invitation(
        id=cast(int, row.id),
        role=cast(families.InvitedRole, row.role),
        bound_to_address=row.email_index is not None,
        created_at=row.created_at,  # type: ignore[arg-type]
        expires_at=row.expires_at,
    )
