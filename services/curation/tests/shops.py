"""Orders in the database, without the wire: one user's, and what its partner says to them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from mizzap_common.contracts import library, ordering
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from mizzap_common.sealed import KeyRing
from mizzap_curation.callbacks import Callbacks
from mizzap_curation.courier import Courier
from mizzap_curation.farewells import Farewells
from mizzap_curation.links import Link, Links
from mizzap_curation.models import PartnerFarewellRow, PartnerRequestRow
from mizzap_curation.orders import Orders
from mizzap_curation.partners import Outcome, Partners
from mizzap_curation.settings import CurationSettings
from sqlalchemy import select, update
from sqlmodel import col
from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
numbers = count(2**45)


class PhotosService:
    """Answers for the photos service: these photos are there, all others are not."""

    def __init__(self) -> None:
        self.owned: dict[int, set[int]] = {}

    async def ask(self, method: Any, request: library.PhotosRequest) -> library.PhotoNames:
        there = [one for one in request.photo_ids if one in self.owned.get(request.user_id, set())]
        return library.PhotoNames(photos=[library.PhotoName(id=one, file_name="x", file_size=1) for one in there])


class Wire(Partners):
    """The partners with their signatures; what requests meet is said by the test."""

    def __init__(self, settings: CurationSettings) -> None:
        super().__init__(settings)
        self.outcomes: list[Outcome] = []
        self.sent: list[tuple[UUID, dict[str, Any]]] = []
        self.meanwhile: Any = None

    async def send(self, partner: ordering.Partner, message_id: UUID, body: str) -> Outcome:
        self.sent.append((message_id, json.loads(body)))
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.outcomes.pop(0) if self.outcomes else "taken"


class Shop:
    """One user's orders with MEMOPYK. The courier works when it is told to."""

    def __init__(self, database: Database, settings: CurationSettings) -> None:
        self.user = next(numbers)
        self.photos = [next(numbers), next(numbers)]
        self.database = database
        self.wire = Wire(settings)
        self.known = PhotosService()
        self.known.owned[self.user] = set(self.photos)
        self.links = Links(KeyRing.from_file(settings.key_ring_file), settings.public_url)
        self.orders = Orders(database, self.known, self.wire, self.links, timedelta(days=1))  # type: ignore[arg-type]
        self.callbacks = Callbacks(database, self.wire)
        self.courier = Courier(database, self.wire, self.links, settings)
        self.farewells = Farewells(database, self.wire, settings)

    async def place(self) -> ordering.Order:
        request = ordering.OrderFilm(user_id=self.user, title="Film", photo_ids=self.photos, partner_consent=True)
        return await self.orders.order_film(request)

    async def status(self, order_id: int) -> str:
        return (await self.orders.show(ordering.OrderRequest(user_id=self.user, order_id=order_id))).status

    async def cancel(self, order_id: int) -> ordering.Order:
        return await self.orders.cancel(ordering.OrderRequest(user_id=self.user, order_id=order_id))

    async def work(self) -> int:
        """Sends what is due, and what would be due later; how often something was sent."""
        before = len(self.wire.sent)
        while True:
            async with self.database.begin() as session:
                due = {"send_after": datetime.now(UTC) - timedelta(seconds=1)}
                for row in (PartnerRequestRow, PartnerFarewellRow):
                    await session.execute(update(row).values(due))
            if not await self.courier.work() and not await self.farewells.work():
                return len(self.wire.sent) - before

    async def requests(self, order_id: int) -> list[tuple[str, str | None, int]]:
        statement = select(PartnerRequestRow).where(col(PartnerRequestRow.order_id) == order_id)
        async with self.database.begin() as session:
            found = (await session.scalars(statement.order_by(col(PartnerRequestRow.id)))).all()
        return [(row.kind, row.outcome, row.attempts) for row in found]

    async def call_back(
        self, order_id: int, status: str, webhook_id: str | None = None, at: datetime | None = None, **more: Any
    ) -> ordering.CallbackTaken:
        body = json.dumps({"type": "order.status", "data": {"orderId": order_id, "status": status, **more}})
        return await self.callbacks.take(signed(body, webhook_id or str(uuid4()), at or datetime.now(UTC)))

    async def can_fetch(self, order_id: int, photo_id: int, lasting: timedelta = timedelta(hours=1)) -> bool:
        token = self.links.token(Link(order_id, photo_id, datetime.now(UTC) + lasting))
        try:
            found = await self.orders.shared_file(ordering.SharedFileRequest(token=token))
        except NotFound:
            return False
        assert (found.user_id, found.photo_id) == (self.user, photo_id)
        return True


def signed(body: str, webhook_id: str, at: datetime, partner: ordering.Partner = "memopyk") -> ordering.Callback:
    return ordering.Callback(
        partner=partner,
        webhook_id=webhook_id,
        webhook_timestamp=str(int(at.timestamp())),
        webhook_signature=Webhook(SECRET).sign(webhook_id, at, body),
        body=base64.b64encode(body.encode()).decode(),
    )
