"""Orders in the database: who may do what when, what is sent again, and what is not."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from mizzap_common import tombstones
from mizzap_common.contracts import ordering
from mizzap_common.errors import Conflict, NotFound
from mizzap_common.sealed import KeyRing
from mizzap_curation import courier, orders_repository
from mizzap_curation.courier import Courier
from mizzap_curation.links import Link, Links
from mizzap_curation.models import PartnerRequestRow
from mizzap_curation.partners import Outcome
from mizzap_curation.settings import CurationSettings
from sqlalchemy import select, update
from sqlmodel import col
from structlog.testing import capture_logs

from services.curation.tests.shops import Shop, numbers

# --- sending ---------------------------------------------------------------------------------------------------------


async def test_a_request_is_repeated_under_the_same_id(shop: Shop) -> None:
    order = await shop.place()
    shop.wire.outcomes = ["later", "later"]
    assert await shop.work() == 3
    assert len({message_id for message_id, _ in shop.wire.sent}) == 1
    assert shop.wire.sent[0][1] == shop.wire.sent[2][1]
    assert await shop.status(order.id) == "sent"
    assert await shop.work() == 0


async def test_it_is_given_up_after_the_last_try(shop: Shop) -> None:
    order = await shop.place()
    shop.wire.outcomes = ["later"] * 5
    assert await shop.work() == 3
    assert await shop.status(order.id) == "failed"
    assert await shop.requests(order.id) == [("order.placed", "given up", 3)]


async def test_tries_wait_longer_and_longer(shop: Shop, with_partner: CurationSettings) -> None:
    shop.courier = Courier(
        shop.database, shop.wire, shop.links, with_partner.model_copy(update={"partner_retry_seconds": (60, 600)})
    )
    order = await shop.place()
    shop.wire.outcomes = ["later", "later"]
    waits = []
    for _ in range(2):
        assert await shop.courier.work()
        assert not await shop.courier.work(), "it waits"
        async with shop.database.begin() as session:
            mine = col(PartnerRequestRow.order_id) == order.id
            (after,) = (await session.scalars(select(col(PartnerRequestRow.send_after)).where(mine))).all()
            await session.execute(update(PartnerRequestRow).where(mine).values(send_after=datetime.now(UTC)))
        waits.append((after - datetime.now(UTC)).total_seconds())
    assert waits == [pytest.approx(60, abs=10), pytest.approx(600, abs=10)]


async def test_two_couriers_send_a_request_once(shop: Shop) -> None:
    for _ in range(5):
        await shop.place()
    couriers = [Courier(shop.database, shop.wire, shop.links, shop_settings(shop)) for _ in range(4)]

    async def drain(courier: Courier) -> None:
        while await courier.work():
            pass

    await asyncio.gather(*(drain(courier) for courier in couriers))
    sent = [message_id for message_id, _ in shop.wire.sent]
    assert len(sent) == len(set(sent)) == 5


def shop_settings(shop: Shop) -> CurationSettings:
    return CurationSettings.model_construct(
        partner_timeout_seconds=5, partner_retry_seconds=(1,), partner_poll_seconds=0.1
    )


async def test_a_courier_that_died_is_replaced(shop: Shop) -> None:
    order = await shop.place()

    async def die() -> None:
        raise RuntimeError("killed")

    shop.wire.meanwhile = die
    with pytest.raises(RuntimeError):
        await shop.courier.work()
    shop.wire.meanwhile = None
    assert not await shop.courier.work(), "it is claimed"
    async with shop.database.begin() as session:
        mine = col(PartnerRequestRow.order_id) == order.id
        await session.execute(update(PartnerRequestRow).where(mine).values(claimed_until=datetime.now(UTC)))
    assert await shop.courier.work()
    assert len({message_id for message_id, _ in shop.wire.sent}) == 1 and len(shop.wire.sent) == 2


async def test_deleted_photos_are_not_sent(shop: Shop) -> None:
    order = await shop.place()
    gone, left = shop.photos
    async with shop.database.begin() as session:
        await orders_repository.forget_photo(session, shop.user, gone)
    await shop.work()
    assert [photo["id"] for photo in shop.wire.sent[0][1]["data"]["photos"]] == [left]
    assert not await shop.can_fetch(order.id, gone) and await shop.can_fetch(order.id, left)
    empty = await shop.place()
    async with shop.database.begin() as session:
        for photo_id in shop.photos:
            await orders_repository.forget_photo(session, shop.user, photo_id)
    assert await shop.work() == 0
    found = await shop.orders.show(ordering.OrderRequest(user_id=shop.user, order_id=empty.id))
    assert (found.status, found.error and found.error.code) == ("failed", "NO_PHOTOS_LEFT")


async def test_a_photo_that_is_deleted_while_it_is_ordered(shop: Shop) -> None:
    async with shop.database.begin() as session:
        await tombstones.bury(session, shop.photos[0], shop.user)
    with pytest.raises(NotFound) as refused:
        await shop.place()
    assert refused.value.details == {"photoIds": [shop.photos[0]]}


# --- cancelling ------------------------------------------------------------------------------------------------------


async def test_a_partner_that_never_heard_is_not_told(shop: Shop) -> None:
    order = await shop.place()
    assert await shop.can_fetch(order.id, shop.photos[0])
    await shop.cancel(order.id)
    assert not await shop.can_fetch(order.id, shop.photos[0])
    assert await shop.work() == 0
    assert await shop.requests(order.id) == [("order.placed", "withdrawn", 0)]


@pytest.mark.parametrize("outcome", ["taken", "later"])
async def test_cancelled_while_it_is_sent(shop: Shop, outcome: Outcome) -> None:
    order = await shop.place()

    async def cancel() -> None:
        shop.wire.meanwhile = None
        await shop.cancel(order.id)
        assert not await shop.courier.work(), "the cancellation must not overtake the order"

    shop.wire.meanwhile = cancel
    shop.wire.outcomes = [outcome]
    await shop.work()
    assert [message["type"] for _, message in shop.wire.sent] == ["order.placed", "order.cancelled"]
    assert await shop.status(order.id) == "cancelled"


async def test_a_cancellation_is_repeated_until_it_is_heard(shop: Shop) -> None:
    order = await shop.place()
    await shop.work()
    await asyncio.gather(*(shop.cancel(order.id) for _ in range(5)))
    shop.wire.outcomes = ["later"]
    assert await shop.work() == 2
    kinds = [kind for kind, _, _ in await shop.requests(order.id)]
    assert kinds == ["order.placed", "order.cancelled"]


@pytest.mark.parametrize(("outcomes", "tries"), [(["later"] * 100, 33), (["refused"], 1)], ids=["away", "refused"])
async def test_a_partner_that_does_not_take_a_cancellation_is_an_alarm(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, outcomes: list[Outcome], tries: int
) -> None:
    """It may still have the photos: after the usual tries it is asked for a month, and a person has to see to it."""
    order = await shop.place()
    await shop.work()
    await shop.cancel(order.id)
    shop.wire.outcomes = outcomes
    monkeypatch.setattr(courier, "log", structlog.get_logger())
    with capture_logs() as logs:
        assert await shop.work() == tries
    (alarm,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert (alarm["order_id"], alarm["partner"]) == (order.id, "memopyk")
    ending = "given up" if tries > 1 else "refused"
    assert (await shop.requests(order.id))[-1] == ("order.cancelled", ending, tries)
    assert sum(shop.courier.pauses["order.cancelled"], timedelta()) > timedelta(days=30)
    shop.wire.outcomes = []


async def test_cancel_and_callback_at_the_same_time_agree(shop: Shop) -> None:
    for _ in range(10):
        order = await shop.place()
        await shop.work()
        cancelled, called = await asyncio.gather(
            shop.cancel(order.id), shop.call_back(order.id, "delivered"), return_exceptions=True
        )
        status = await shop.status(order.id)
        assert isinstance(called, ordering.CallbackTaken)
        assert (status == "delivered") == called.applied == isinstance(cancelled, Conflict)


# --- links -----------------------------------------------------------------------------------------------------------


async def test_links_expire_and_lead_to_the_order_s_photos_only(shop: Shop) -> None:
    order, other = await shop.place(), next(numbers)
    photo_id = shop.photos[0]
    assert await shop.can_fetch(order.id, photo_id)
    assert not await shop.can_fetch(order.id, photo_id, lasting=timedelta(seconds=-1))
    assert not await shop.can_fetch(order.id, other) and not await shop.can_fetch(order.id + 1, photo_id)
    for status in ("accepted", "in_progress"):
        await shop.call_back(order.id, status)
        assert await shop.can_fetch(order.id, photo_id)
    await shop.call_back(order.id, "delivered")
    assert not await shop.can_fetch(order.id, photo_id)


def test_nobody_can_make_a_link(with_partner: CurationSettings, tmp_path: Any) -> None:
    from mizzap_common.sealed import new_key_ring

    links = Links(KeyRing.from_file(with_partner.key_ring_file), "http://x")
    link = Link(1, 2, datetime(2030, 1, 1, tzinfo=UTC))
    token = links.token(link)
    assert links.read(token) == link
    ring = tmp_path / "other.json"
    ring.write_text(new_key_ring("1"))
    assert Links(KeyRing.from_file(ring), "http://x").read(token) is None
    raw = base64.urlsafe_b64decode(token + "==")
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        assert links.read(base64.urlsafe_b64encode(changed).decode().rstrip("=")) is None
    for wrong in ("", "a", "é", "=", token[:20], token + "AAAA"):
        assert links.read(wrong) is None


# --- listing ---------------------------------------------------------------------------------------------------------


async def test_a_page_of_the_largest_orders_comes_in_several_answers(shop: Shop) -> None:
    placed = []
    async with shop.database.begin() as session:
        for _ in range(100):
            values = {
                "user_id": shop.user,
                "partner": "photall",
                "status": "placed",
                "wishes": {"instructions": "Ж" * 5_000, "style": "natural"},
                "consent_version": "1",
                "links_expire_at": datetime.now(UTC),
                "message": "Ж" * 1_000,
                "delivery_url": "https://photall.example/" + "x" * 1_900,
            }
            row = await orders_repository.add(session, values, [next(numbers) for _ in range(200)])
            placed.append(row.id)
    seen: list[ordering.Order] = []
    more = True
    while more:
        question = ordering.ListOrders(user_id=shop.user, limit=100, skip=len(seen))
        answer = await shop.orders.integrations(question)
        assert answer.orders and answer.total == 100 and len(answer.to_json()) < 1 << 20
        seen, more = [*seen, *answer.orders], answer.more
    assert [order.id for order in seen] == placed[::-1]
    assert {(len(order.photo_ids), len(order.instructions or "")) for order in seen} == {(200, 5_000)}
    second = await shop.orders.integrations(ordering.ListOrders(user_id=shop.user, page=2, limit=7, skip=3))
    assert [order.id for order in second.orders] == placed[::-1][10:14] and not second.more
