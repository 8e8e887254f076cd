"""The relay: takes committed events from the outbox to the broker and marks them once the broker has them on disk."""

import asyncio
from datetime import timedelta

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from sqlalchemy import Row, delete, func, select, update

from mizzap_common import outbox
from mizzap_common.contracts.catalog import BY_SUBJECT, Event
from mizzap_common.contracts.events import UserEvent
from mizzap_common.db import DATABASE_ERRORS, Database
from mizzap_common.tables import INBOX, OUTBOX
from mizzap_common.telemetry import OUTBOX_PUBLISHED, OUTBOX_REARMED, OUTBOX_WAITING

_BATCH = 100
_IDLE_SECONDS = 1.0
_ERROR_SECONDS = 1.0
_PUBLISH_TIMEOUT = 5.0
_LOST_SINCE = timedelta(hours=24)
"""How far back events are sent again when the broker lost its disk: no consumer may lag longer than this."""
_KEEP = timedelta(days=30)
"""How long published and handled events are remembered; the sweeper needs those of unfinished photos."""

log = structlog.get_logger(__name__)


class Relay:
    """Publishes one service's outbox. Any number may run: rows are claimed with SKIP LOCKED, never by a high-water
    mark, which would miss what commits late."""

    def __init__(self, service: str, database: Database, js: JetStreamContext) -> None:
        self.service = service
        self.database = database
        self.js = js

    async def run(self) -> None:
        """Runs until cancelled. An outage of the broker or the database only makes the outbox wait."""
        while True:
            try:
                if await self.publish_batch() == _BATCH:
                    continue
            except (NatsError, *DATABASE_ERRORS, OSError, TimeoutError) as error:
                log.warning("outbox waits", reason=repr(error))
                await asyncio.sleep(_ERROR_SECONDS)
                continue
            await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                await self.database.outbox_filled.wait()
        except TimeoutError:
            pass
        self.database.outbox_filled.clear()

    async def publish_batch(self) -> int:
        """Publishes up to a batch of waiting events; returns how many the broker acknowledged.

        Raises the broker's error when none of a batch got through.
        """
        statement = (
            select(OUTBOX)
            .where(OUTBOX.c.published_at.is_(None))
            .order_by(OUTBOX.c.seq)
            .limit(_BATCH)
            .with_for_update(skip_locked=True)
        )
        async with self.database.begin() as session:
            rows = (await session.execute(statement)).all()
            OUTBOX_WAITING.set(len(rows))
            if not rows:
                return 0
            outcomes = await asyncio.gather(*(self._publish(row) for row in rows), return_exceptions=True)
            done = [row.seq for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
            # the clock's time, not the transaction's: never before the broker's own time of the message
            await session.execute(
                update(OUTBOX).where(OUTBOX.c.seq.in_(done)).values(published_at=func.clock_timestamp())
            )
        failed = [outcome for outcome in outcomes if outcome is not None]
        if failed and not done:
            raise failed[0]
        return len(done)

    async def _publish(self, row: Row[tuple[object, ...]]) -> None:
        await self.js.publish(
            row.subject,
            row.payload.encode(),
            timeout=_PUBLISH_TIMEOUT,
            stream=BY_SUBJECT[row.subject].stream,
            headers=cloud_event_headers(self.service, BY_SUBJECT[row.subject], row),
        )
        OUTBOX_PUBLISHED.labels(row.subject).inc()

    async def check_epoch(self) -> None:
        """Arms what may be lost once more when the broker's stream is not the one we published to."""
        info = await self.js.stream_info(self.service.upper())
        async with self.database.begin() as session:
            count = await outbox.rearm_lost(session, self.service.upper(), str(info.created), _LOST_SINCE)
        if count:
            log.warning("the broker lost its stream, events are sent again", events=count)
            OUTBOX_REARMED.labels("broker_lost").inc(count)

    async def forget_old(self) -> None:
        """Removes what was published or handled so long ago that nobody will ask for it again."""
        async with self.database.begin() as session:
            await session.execute(delete(OUTBOX).where(OUTBOX.c.published_at < func.now() - _KEEP))
            await session.execute(delete(INBOX).where(INBOX.c.handled_at < func.now() - _KEEP))


def cloud_event_headers(
    service: str, event: Event[UserEvent], row: Row[tuple[object, ...]]
) -> dict[str, str]:  # fmt: skip
    """CloudEvents' binary mode for NATS, with the trace the event was made in.

    The broker's own deduplication takes an event that is sent again on purpose for a new one: hence the attempt.
    """
    again = {"mizzap-attempt": str(row.attempt)} if row.attempt else {}
    return {
        **row.headers,
        **again,
        "ce-specversion": "1.0",
        "ce-id": str(row.id),
        "ce-type": event.subject,
        "ce-source": f"mizzap/{service}",
        "ce-subject": row.about,
        "ce-time": row.created_at.isoformat(),
        "content-type": "application/json",
        "Nats-Msg-Id": f"{row.id}:{row.attempt}" if row.attempt else str(row.id),
    }
