"""The inbox: which events this service has turned into their effect. Each counts once, however often it comes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_common.tables import INBOX


@dataclass(frozen=True)
class Delivery:
    """One event on its way into a service."""

    consumer: str
    """The durable it came through: a service may have several on one subject, each counts for itself."""
    event_id: UUID
    attempt: int = 1
    """How often the broker has delivered it, this time included."""
    rearmed: bool = False
    """Sent once more by the sweeper: somebody behind us may be missing what we made of it the first time."""
    user_id: int | None = None
    """Whose it is: once they are erased it has no effect any more. None for what outlives its user."""
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When this service took it in hand this time, by its own clock."""
    happened_at: datetime | None = None
    """When it happened, by the clock of the service that tells of it; it may come days later. None where it says no time."""


class AlreadyHandled(Exception):
    """The event's effect has been committed before; nothing was done this time."""


class UserErased(AlreadyHandled):
    """The event is about somebody who was erased: whatever was prepared for it has to go, and nothing else happens."""


async def claim(session: AsyncSession, delivery: Delivery) -> None:
    """Takes the event for the running transaction. Raises AlreadyHandled when it was taken before.

    Waits while another transaction holds the claim. RETURNING, because the row count of ON CONFLICT DO NOTHING
    is -1 in this driver.
    """
    statement = (
        insert(INBOX)
        .values(consumer=delivery.consumer, event_id=delivery.event_id)
        .on_conflict_do_nothing()
        .returning(INBOX.c.event_id)
    )
    if (await session.execute(statement)).first() is None:
        raise AlreadyHandled


async def is_handled(session: AsyncSession, delivery: Delivery) -> bool:
    """A look before slow work; only ``claim`` decides."""
    statement = select(INBOX.c.event_id).where(
        INBOX.c.consumer == delivery.consumer, INBOX.c.event_id == delivery.event_id
    )
    return (await session.execute(statement)).first() is not None
