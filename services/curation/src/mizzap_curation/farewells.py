"""What becomes of a user's orders when the account is erased: the partners hear that they have to delete what they have."""

import json
from datetime import UTC, datetime
from typing import cast
from uuid import UUID, uuid5

import structlog
from mizzap_common import tasks
from mizzap_common.contracts.ordering import Partner
from mizzap_common.db import DATABASE_ERRORS, Database

from mizzap_curation import farewells_repository, orders_repository
from mizzap_curation.farewells_repository import Claim
from mizzap_curation.partners import Outcome, Partners
from mizzap_curation.settings import CurationSettings

ERASED = "order.erased"
"""What partners are told."""

_MESSAGES = UUID("5e4c6a3e-7d0f-4e0b-9a50-3a1f0b6f0c55")
"""The message of an order has the same id for ever: an erasure that is asked for again says nothing new."""

log = structlog.get_logger(__name__)


class Farewells:
    """Any number may run: a farewell is claimed by one of them, for a time, with SKIP LOCKED."""

    def __init__(self, database: Database, partners: Partners, settings: CurationSettings) -> None:
        self.database = database
        self.partners = partners
        self.lease = settings.partner_lease
        self.pauses = settings.partner_long_pauses
        self.poll_seconds = settings.partner_poll_seconds

    async def queue(self, user_id: int) -> None:
        """Ends the orders, so that no link works and nothing more of them is sent, and has their partners told.

        Those of closed orders too: a delivered film is made of the photos. Who can't have heard of an order is not
        told of its end.
        """
        async with self.database.begin() as session:
            for row in await orders_repository.lock_all(session, user_id):
                if row.status in orders_repository.OPEN:
                    now = datetime.now(UTC)
                    await orders_repository.change(session, row, status="cancelled", consent_withdrawn_at=now)
                if await orders_repository.withdraw(session, row):
                    await farewells_repository.queue(session, row)

    async def run(self) -> None:
        """Runs until cancelled. An outage only makes the partners wait."""
        outages = (*DATABASE_ERRORS, OSError, TimeoutError)
        await tasks.repeat(lambda: tasks.exhaust(self.work), self.poll_seconds, outages, "farewells wait")

    async def work(self) -> bool:
        """Says what has been due longest. False when nothing is."""
        async with self.database.begin() as session:
            claimed = await farewells_repository.claim(session, self.lease)
        if claimed is None:
            return False
        message = {"type": ERASED, "timestamp": claimed.created_at.isoformat(timespec="seconds")}
        body = json.dumps({**message, "data": {"orderId": claimed.order_id}})
        message_id = uuid5(_MESSAGES, str(claimed.order_id))
        outcome = await self.partners.send(cast(Partner, claimed.partner), message_id, body)
        await self._settle(claimed, outcome)
        return True

    async def _settle(self, claimed: Claim, outcome: Outcome) -> None:
        async with self.database.begin() as session:
            if outcome == "later" and claimed.attempts <= len(self.pauses):
                await farewells_repository.postpone(session, claimed, self.pauses[claimed.attempts - 1])
            else:
                await farewells_repository.forget(session, claimed)
                if outcome != "taken":
                    log.error("a partner does not take that an order is erased: it has to be told by other means",
                              order_id=claimed.order_id, partner=claimed.partner, outcome=outcome)  # fmt: skip
