"""What becomes of the orders that users place with partners."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

from mizzap_common import changes, outbox, tombstones
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events, library, ordering, requests
from mizzap_common.contracts.events import OrderStatus
from mizzap_common.contracts.ordering import Partner
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, InvalidInput, NotFound
from mizzap_common.sizes import ANSWER_BYTES, fitting
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_curation import orders_repository, sets_repository
from mizzap_curation.links import Links
from mizzap_curation.models import OrderRow
from mizzap_curation.partners import Partners

TERMS_VERSION = "1"
"""Of what users agree to when they hand photos to a partner. Raised whenever the words change."""

_NO_ORDER = "There is no such order."


class Orders:
    def __init__(
        self, database: Database, bus: Bus, partners: Partners, links: Links, link_lifetime: timedelta
    ) -> None:
        self.database = database
        self.bus = bus
        self.partners = partners
        self.links = links
        self.link_lifetime = link_lifetime

    async def order_film(self, request: ordering.OrderFilm) -> ordering.Order:
        wishes = {"title": request.title, "music": request.music, "seconds": request.seconds}
        return await self._place("memopyk", request, wishes)

    async def order_retouch(self, request: ordering.OrderRetouch) -> ordering.Order:
        return await self._place("photall", request, {"instructions": request.instructions, "style": request.style})

    async def _place(self, partner: Partner, request: ordering.PlaceOrder, wishes: dict[str, Any]) -> ordering.Order:
        """Raises Conflict when the partner is not enabled or the moments are not confirmed, InvalidInput without
        consent, NotFound for photos that are not this user's."""
        if not self.partners.is_enabled(partner):
            raise Conflict("Orders can't be placed with this partner here.", code="PARTNER_NOT_ENABLED")
        if not request.partner_consent:
            raise InvalidInput(
                "An order needs your consent to hand these photos to the partner: partnerConsent must be true.",
                code="PARTNER_CONSENT_REQUIRED",
                field="partnerConsent",
            )
        wanted = list(dict.fromkeys(request.photo_ids or await self._confirmed(request.user_id)))
        asked = library.PhotosRequest(user_id=request.user_id, photo_ids=wanted)
        there = {photo.id for photo in (await self.bus.ask(requests.PHOTOS_NAMES, asked)).photos}
        async with self.database.begin() as session:
            # a deletion that came in between has been heard here, or waits until we have committed
            there -= await tombstones.buried_among(session, wanted, request.user_id)
            if missing := [photo_id for photo_id in wanted if photo_id not in there]:
                raise NotFound("There is no such photo.", photoIds=missing)
            values = {
                "user_id": request.user_id,
                "partner": partner,
                "status": "placed",
                "wishes": wishes,
                "consent_version": TERMS_VERSION,
                "links_expire_at": datetime.now(UTC) + self.link_lifetime,
            }
            row = await orders_repository.add(session, values, wanted)
            await orders_repository.queue(session, row, orders_repository.PLACED)
            await tell(session, row)
            return to_answer(row, wanted)

    async def _confirmed(self, user_id: int) -> list[int]:
        async with self.database.begin() as session:
            row = await sets_repository.find_set(session, user_id)
            shown = (
                await sets_repository.moments(session, row.id)
                if row and row.status == sets_repository.CONFIRMED
                else []
            )
        if not shown:
            raise Conflict("Name the photos, or confirm your best moments first.", code="MOMENTS_NOT_CONFIRMED")
        return [moment.photo_id for moment in shown]

    async def show(self, request: ordering.OrderRequest) -> ordering.Order:
        async with self.database.begin() as session:
            row = await orders_repository.find(session, request.user_id, request.order_id)
            if row is None:
                raise NotFound(_NO_ORDER, orderId=request.order_id)
            return await _with_photos(session, row)

    async def integrations(self, request: ordering.ListOrders) -> ordering.Integrations:
        async with self.database.begin() as session:
            rows, total = await orders_repository.page(session, request)
            orders = fitting(
                await to_answers(session, request.user_id, rows), lambda order: len(order.to_json()), ANSWER_BYTES
            )
            counts = await orders_repository.count(session, request.user_id)
        partners = [
            ordering.PartnerStatus(
                partner=partner,
                enabled=self.partners.is_enabled(partner),
                open_orders=sum(counts.get((partner, status), 0) for status in orders_repository.OPEN),
                delivered_orders=counts.get((partner, "delivered"), 0),
            )
            for partner in get_args(Partner)
        ]
        return ordering.Integrations(partners=partners, orders=orders, total=total, more=len(orders) < len(rows))

    async def cancel(self, request: ordering.OrderRequest) -> ordering.Order:
        """From here on no link to the photos works. The partner is told, if it can have heard of the order."""
        async with self.database.begin() as session:
            row = await orders_repository.lock(session, request.user_id, request.order_id)
            if row is None:
                raise NotFound(_NO_ORDER, orderId=request.order_id)
            if row.status not in (*orders_repository.OPEN, "cancelled"):
                raise Conflict("This order is closed already.", code="ORDER_CLOSED", status=row.status)
            if row.status != "cancelled":
                await orders_repository.change(session, row, status="cancelled", consent_withdrawn_at=datetime.now(UTC))
                if await orders_repository.withdraw(session, row):
                    await orders_repository.queue(session, row, orders_repository.CANCELLED)
                await tell(session, row)
            return await _with_photos(session, row)

    async def shared_file(self, request: ordering.SharedFileRequest) -> ordering.SharedFile:
        """Raises NotFound for a link that was never one, has expired, or whose order or photo is gone."""
        link = self.links.read(request.token)
        if link is not None and link.expires_at > datetime.now(UTC):
            async with self.database.begin() as session:
                owner = await orders_repository.owner_of_shared(session, link.order_id, link.photo_id)
            if owner is not None:
                return ordering.SharedFile(user_id=owner, photo_id=link.photo_id)
        raise NotFound("There is no such file, or not any more.")


async def tell(session: AsyncSession, row: OrderRow) -> None:
    """That an order is another one. To be called with every change of its status."""
    changes.note(session, row.user_id, orders_repository.KIND, row.id)
    changed = events.OrderChanged(user_id=row.user_id, order_id=row.id, status=cast(OrderStatus, row.status))
    await outbox.add(session, catalog.ORDER_CHANGED, changed)


async def to_answers(session: AsyncSession, user_id: int, rows: Sequence[OrderRow]) -> list[ordering.Order]:
    """The user's orders as their owner sees them."""
    photos = await orders_repository.photos(session, user_id, [row.id for row in rows])
    return [to_answer(row, photos[row.id]) for row in rows]


async def _with_photos(session: AsyncSession, row: OrderRow) -> ordering.Order:
    [order] = await to_answers(session, row.user_id, [row])
    return order


def to_answer(row: OrderRow, photo_ids: list[int]) -> ordering.Order:
    wishes = dict.fromkeys(("title", "music", "seconds", "instructions", "style")) | row.wishes
    error = None
    if row.error_code is not None:
        error = ordering.OrderProblem(code=row.error_code, message=row.error_message or "")
    consent = ordering.PartnerConsent(
        version=row.consent_version, given_at=row.consent_given_at, withdrawn_at=row.consent_withdrawn_at
    )
    return ordering.Order(
        id=row.id,
        partner=cast(Partner, row.partner),
        status=cast(OrderStatus, row.status),
        **wishes,
        photo_ids=photo_ids,
        progress=row.progress,
        message=row.message,
        delivery_url=row.delivery_url,
        error=error,
        partner_consent=consent,
        links_expire_at=row.links_expire_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
