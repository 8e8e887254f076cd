"""The background work: takes what partners are to be told out of the database and to them, again and again if need be."""

import json
from datetime import datetime
from typing import Any, cast

import structlog
from mizzap_common import tasks
from mizzap_common.contracts.ordering import Partner
from mizzap_common.db import DATABASE_ERRORS, Database
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_curation import orders_repository
from mizzap_curation.links import Link, Links
from mizzap_curation.models import OrderRow
from mizzap_curation.orders import tell
from mizzap_curation.orders_repository import CANCELLED, PLACED, Claim
from mizzap_curation.partners import Outcome, Partners
from mizzap_curation.settings import CurationSettings

_ENDINGS = {None: "withdrawn", "taken": "taken", "refused": "refused", "later": "given up"}
_PROBLEMS = {
    None: ("NO_PHOTOS_LEFT", "All photos of the order were deleted before it was sent."),
    "refused": ("PARTNER_REFUSED", "The partner did not take the order."),
    "later": ("PARTNER_UNREACHABLE", "The partner could not be reached in many tries."),
}

log = structlog.get_logger(__name__)


class Courier:
    """Any number may run: a request is claimed by one of them, for a time, with SKIP LOCKED."""

    def __init__(self, database: Database, partners: Partners, links: Links, settings: CurationSettings) -> None:
        self.database = database
        self.partners = partners
        self.links = links
        self.lease = settings.partner_lease
        self.pauses = {PLACED: settings.partner_pauses, CANCELLED: settings.partner_long_pauses}
        self.poll_seconds = settings.partner_poll_seconds

    async def run(self) -> None:
        """Runs until cancelled. An outage only makes the partners wait."""
        outages = (*DATABASE_ERRORS, OSError, TimeoutError)
        await tasks.repeat(lambda: tasks.exhaust(self.work), self.poll_seconds, outages, "partners wait")

    async def work(self) -> bool:
        """Sends what has been due longest. False when nothing is."""
        async with self.database.begin() as session:
            claimed = await orders_repository.claim(session, self.lease)
            if claimed is None:
                return False
            row = await orders_repository.find(session, claimed.user_id, claimed.order_id)
            assert row is not None  # a request goes with its order
            photo_ids = (await orders_repository.photos(session, row.user_id, [row.id]))[row.id]
        outcome = await self._send(claimed, row, photo_ids)
        async with self.database.begin() as session:
            await self._settle(session, claimed, outcome)
        log.info("told a partner", order_id=row.id, partner=row.partner, kind=claimed.kind, outcome=outcome)
        return True

    async def _send(self, claimed: Claim, row: OrderRow, photo_ids: list[int]) -> Outcome | None:
        """None when there is nothing to send any more."""
        if claimed.kind == PLACED and (row.status != "placed" or not photo_ids):
            return None
        body = json.dumps(self._message(claimed.kind, row, photo_ids))
        return await self.partners.send(cast(Partner, row.partner), claimed.message_id, body)

    def _message(self, kind: str, row: OrderRow, photo_ids: list[int]) -> dict[str, Any]:
        """The same with every try, as far as the photos are still there."""
        data: dict[str, Any] = {"orderId": row.id}
        if kind == PLACED:
            photos = [
                {"id": photo_id, "url": self.links.url(Link(row.id, photo_id, row.links_expire_at))}
                for photo_id in photo_ids
            ]
            data |= {
                **row.wishes,
                "photos": photos,
                "linksExpireAt": _time(row.links_expire_at),
                "callbackUrl": self.links.callback_url(row.partner),
            }
        happened = row.created_at if kind == PLACED else row.consent_withdrawn_at
        return {"type": kind, "timestamp": _time(happened or row.updated_at), "data": data}

    async def _settle(self, session: AsyncSession, claimed: Claim, outcome: Outcome | None) -> None:
        row = await orders_repository.lock(session, claimed.user_id, claimed.order_id)
        if row is None:  # erased meanwhile
            return
        waits = claimed.kind == PLACED and row.status == "placed"
        if outcome == "later" and claimed.kind == PLACED and not waits:
            # the partner has called back, so it has the order; or the user has cancelled it
            outcome = None
        pauses = self.pauses[claimed.kind]
        if outcome == "later" and claimed.attempts <= len(pauses):
            await orders_repository.postpone(session, claimed, pauses[claimed.attempts - 1])
            return
        await orders_repository.finish(session, claimed.user_id, claimed.id, _ENDINGS[outcome])
        if claimed.kind == CANCELLED and outcome != "taken":
            log.error("a partner does not take that an order is cancelled: it has to be told by other means",
                      order_id=row.id, partner=row.partner, outcome=outcome)  # fmt: skip
        if waits and outcome == "taken":
            await orders_repository.change(session, row, status="sent")
            await tell(session, row)
        elif waits:
            code, message = _PROBLEMS[outcome]
            await orders_repository.change(session, row, status="failed", error_code=code, error_message=message)
            await tell(session, row)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
