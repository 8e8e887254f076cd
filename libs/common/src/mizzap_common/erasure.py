"""Erasure of a user: what a service does so that nothing of theirs is left with it, whatever tables it has.

The tables are found in the service's own metadata, so that a new one is covered by being there: each belongs to a
user by a column of ``OWNER_COLUMNS``, hangs on one that does by a foreign key with ON DELETE CASCADE, or holds nothing
about anybody. ``tests/contract`` holds every service's tables to it.
"""

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import BigInteger, Column, MetaData, Table, cast, delete, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_common import changes, outbox, tombstones
from mizzap_common.contracts import catalog, events
from mizzap_common.contracts.catalog import Event
from mizzap_common.db import Database
from mizzap_common.inbox import Delivery
from mizzap_common.tables import OUTBOX

OWNER_COLUMNS = ("user_id", "owner_id")
_OUTLIVING = [event.subject for event in catalog.EVENTS if event.payload.outlives_user]

RemoveBeside = Callable[[int], Awaitable[int]]
"""Removes what a user has outside of the database, given the user's id; returns how many things there were."""

log = structlog.get_logger(__name__)


TellOthers = Callable[[int], Awaitable[None]]
"""Takes a user, given the id, out of what others see, and tells them, before the rows go. May be asked again."""


async def nothing_beside(_: int) -> int:
    """For services that have everything in their database."""
    return 0


async def nobody_to_tell(_: int) -> None:
    """For services whose users have nothing in common."""


class Erasure:
    """One service's part. ``receipt`` is the event that it tells its end with."""

    def __init__(
        self,
        database: Database,
        metadata: MetaData,
        receipt: Event[events.ErasureReceipt],
        remove_beside: RemoveBeside = nothing_beside,
        tell_others: TellOthers = nobody_to_tell,
    ) -> None:
        self.database = database
        self.metadata = metadata
        self.receipt = receipt
        self.remove_beside = remove_beside
        self.tell_others = tell_others

    async def erase(self, request: events.UserErasureRequested, delivery: Delivery) -> None:
        """The tombstone first: from then on workers take their own work back, so nothing new can appear.

        May be broken off anywhere and begun again. Asked once more, it removes what has appeared since.
        """
        async with self.database.begin() as session:
            await tombstones.bury_user(session, request.user_id)
        await self.tell_others(request.user_id)
        async with self.database.begin() as session:
            changes.touch(session, request.user_id)
            rows = await delete_rows(session, self.metadata, request.user_id)
        objects = await self.remove_beside(request.user_id)
        async with self.database.effect(delivery) as session:
            receipt = events.ErasureReceipt(
                user_id=request.user_id,
                erasure_id=request.erasure_id,
                asked=request.asked,
                rows=rows,
                objects=objects,
            )
            await outbox.add(session, self.receipt, receipt)
        log.info("erased", user_id=request.user_id, asked=request.asked, rows=rows, objects=objects)


async def delete_rows(session: AsyncSession, metadata: MetaData, user_id: int) -> int:
    """Deletes the user's rows of every table, those that refer to others first. Returns how many there were."""
    count = 0
    for table in reversed(metadata.sorted_tables):
        if columns := owner_columns(table):
            statement = delete(table).where(or_(*(column == user_id for column in columns)))
            count += len((await session.execute(statement.returning(columns[0]))).all())
    # what waits is still news to others; the relay takes it out, and the next request what it leaves
    about = cast(cast(OUTBOX.c.payload, JSONB)["userId"].astext, BigInteger)
    told = (OUTBOX.c.published_at.is_not(None), OUTBOX.c.subject.not_in(_OUTLIVING), about == user_id)
    count += len((await session.execute(delete(OUTBOX).where(*told).returning(OUTBOX.c.seq))).all())
    return count


def owner_columns(table: Table) -> list[Column[int]]:
    """The columns that say whose a row is; empty for what is nobody's, and for what outlives its user."""
    if table.info.get("outlives_user"):
        return []
    return [table.c[name] for name in OWNER_COLUMNS if name in table.c]
