"""The AI consent as a worker knows it: heard by event, asked before slow work, and held while results are written.

A worker writes what AI made only in a transaction in which ``held`` gave a consent. Whoever handles a withdrawal calls
``heard`` first, then removes what there is. Both hold the same lock until they commit, so nothing is written after a
withdrawal. A user of whom nothing was heard has not agreed.
"""

from sqlalchemy import BigInteger, Boolean, Column, MetaData, Table, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_common.contracts.events import ConsentChanged
from mizzap_common.errors import NotYet
from mizzap_common.inbox import Delivery

_metadata = MetaData()
_LOCK_SPACE = 7_700_004

AI_CONSENTS = Table(
    "ai_consents",
    _metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("granted", Boolean, nullable=False),
    Column("change", BigInteger, nullable=False, comment="of auth's; the highest counts"),
)


PATIENT_ATTEMPTS = 3
"""How often an event of an unknown user is tried before that counts as a no: three seconds. The first photos of a new
user may be here before the consent, which came through another service."""


class ConsentCame(NotYet):
    """The user agreed while the work went on without: it is done once more, as what was left out is wanted now."""


class NothingHeard(NotYet):
    """Nothing was heard of this user yet; what was said may be on its way."""


def add_to(service_metadata: MetaData) -> None:
    """Makes the table part of a service's own metadata."""
    AI_CONSENTS.to_metadata(service_metadata)


async def heard(session: AsyncSession, event: ConsentChanged) -> bool:
    """Takes in a change of the AI consent. False when a later one is known, which stands.

    Waits for workers that are writing results of this user's; until this transaction ends no other one begins to.
    """
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK_SPACE, func.hashint8(event.user_id))))
    await learned(session, event.user_id, event.granted, event.change)
    known = select(AI_CONSENTS.c.change).where(AI_CONSENTS.c.user_id == event.user_id)
    return bool((await session.execute(known)).scalar_one() == event.change)


async def learned(session: AsyncSession, user_id: int, granted: bool, change: int) -> None:
    """Notes what is known of a consent, unless something newer is."""
    statement = insert(AI_CONSENTS).values(user_id=user_id, granted=granted, change=change)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id"],
            set_={"granted": granted, "change": change},
            where=AI_CONSENTS.c.change < change,
        )
    )


async def looked_up(session: AsyncSession, user_id: int, delivery: Delivery) -> bool:
    """Whether the user agrees, as a look before slow work. Raises NothingHeard while a first word may be on its way."""
    statement = select(AI_CONSENTS.c.granted).where(AI_CONSENTS.c.user_id == user_id)
    granted = (await session.execute(statement)).scalar_one_or_none()
    if granted is None and delivery.attempt < PATIENT_ATTEMPTS:
        raise NothingHeard
    return bool(granted)


async def nothing_came(session: AsyncSession, user_id: int) -> None:
    """Notes that a first word was waited for in vain: the user's next photos don't wait."""
    await learned(session, user_id, False, 0)


async def standing(session: AsyncSession, user_id: int) -> int | None:
    """The ``change`` of the consent as it is right now; None without one."""
    statement = select(AI_CONSENTS.c.change).where(AI_CONSENTS.c.user_id == user_id, AI_CONSENTS.c.granted)
    return (await session.execute(statement)).scalar_one_or_none()


async def held(session: AsyncSession, user_id: int) -> int | None:
    """As ``standing``, and true until this transaction ends."""
    await lock(session, user_id)
    return await standing(session, user_id)


async def lock(session: AsyncSession, user_id: int) -> None:
    """Has changes of this user's consent wait until this transaction ends; other workers go on."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(_LOCK_SPACE, func.hashint8(user_id))))


async def withdrawn_since(session: AsyncSession, user_id: int, change: int) -> bool:
    """Whether the consent of that ``change`` was withdrawn later, as far as anything was heard."""
    await lock(session, user_id)
    statement = select(AI_CONSENTS.c.user_id).where(
        AI_CONSENTS.c.user_id == user_id, ~AI_CONSENTS.c.granted, AI_CONSENTS.c.change > change
    )
    return (await session.execute(statement)).first() is not None
