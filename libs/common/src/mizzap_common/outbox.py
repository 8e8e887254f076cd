"""The outbox: events commit together with the change they tell of, and leave from here."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from opentelemetry import propagate
from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_common.contracts.catalog import Event, P
from mizzap_common.tables import BROKER_EPOCHS, OUTBOX


async def add(session: AsyncSession, event: Event[P], payload: P) -> UUID:
    """Puts an event into the running transaction's outbox; the relay publishes it after the commit.

    Returns the event's id.
    """
    event_id = uuid4()
    headers: dict[str, str] = {}
    propagate.inject(headers)
    await session.execute(
        insert(OUTBOX).values(
            id=event_id,
            subject=event.subject,
            about=payload.about,
            payload=payload.to_json().decode(),
            headers=headers,
            cause=session.info.get("cause"),
        )
    )
    session.info["outbox"] = True
    return event_id


_AGAIN = {"published_at": None, "attempt": OUTBOX.c.attempt + 1}


async def rearm(session: AsyncSession, event: Event[P], about: Sequence[str]) -> int:
    """Has the events about these things published once more. Returns how many there were."""
    statement = (
        update(OUTBOX)
        .where(OUTBOX.c.subject == event.subject, OUTBOX.c.about.in_(about), OUTBOX.c.published_at.is_not(None))
        .values(_AGAIN)
        .returning(OUTBOX.c.id)
    )
    return await _count(session, statement)


async def rearm_these(session: AsyncSession, event_ids: Sequence[UUID]) -> int:
    """Has these very events published once more. Returns how many there were."""
    statement = (
        update(OUTBOX)
        .where(OUTBOX.c.id.in_(event_ids), OUTBOX.c.published_at.is_not(None))
        .values(_AGAIN)
        .returning(OUTBOX.c.id)
    )
    return await _count(session, statement)


async def rearm_caused_by(session: AsyncSession, event_id: UUID) -> int:
    """Has what was made of an event published once more: it came again because somebody misses the outcome."""
    statement = (
        update(OUTBOX)
        .where(OUTBOX.c.cause == event_id, OUTBOX.c.published_at.is_not(None))
        .values(_AGAIN)
        .returning(OUTBOX.c.id)
    )
    return await _count(session, statement)


async def rearm_lost(session: AsyncSession, stream: str, created: str, since: timedelta) -> int:
    """Compares the broker's stream with the one we published to; another one means that the broker lost its disk.

    Then everything published ``since`` is published once more: inboxes swallow what had arrived.
    """
    known = (
        await session.execute(BROKER_EPOCHS.select().where(BROKER_EPOCHS.c.stream == stream).with_for_update())
    ).first()
    if known is None:
        await session.execute(insert(BROKER_EPOCHS).values(stream=stream, created=created))
        return 0
    if known.created == created:
        return 0
    await session.execute(update(BROKER_EPOCHS).where(BROKER_EPOCHS.c.stream == stream).values(created=created))
    statement = update(OUTBOX).where(OUTBOX.c.published_at > func.now() - since).values(_AGAIN).returning(OUTBOX.c.id)
    return await _count(session, statement)


async def _count(session: AsyncSession, statement: object) -> int:
    rows = (await session.execute(statement)).all()  # type: ignore[call-overload]
    session.info["outbox"] = bool(rows) or session.info.get("outbox", False)
    return len(rows)
