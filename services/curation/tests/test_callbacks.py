"""What partners tell about their orders: in any order, many times, forged."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mizzap_common.contracts import ordering
from mizzap_common.errors import Conflict, InvalidInput, NotFound, Unauthorized

from services.curation.tests.shops import Shop, signed


async def test_an_order_never_goes_back(shop: Shop) -> None:
    order = await shop.place()
    await shop.work()
    steps = [
        ("in_progress", {"progress": 30}, True),
        ("accepted", {}, False),
        ("in_progress", {"progress": 20}, False),
        ("in_progress", {"progress": 60, "message": "halfway"}, True),
        ("delivered", {"deliveryUrl": "https://memopyk.test/1"}, True),
        ("failed", {}, False),
        ("in_progress", {"progress": 99}, False),
    ]
    for status, more, applied in steps:
        assert (await shop.call_back(order.id, status, **more)).applied is applied, (status, more)
    found = await shop.orders.show(ordering.OrderRequest(user_id=shop.user, order_id=order.id))
    assert (found.status, found.progress, found.message) == ("delivered", 100, "halfway")
    assert found.delivery_url == "https://memopyk.test/1"


async def test_a_callback_before_the_order_was_answered(shop: Shop) -> None:
    order = await shop.place()

    async def call() -> None:
        await shop.call_back(order.id, "accepted")

    shop.wire.meanwhile = call
    shop.wire.outcomes = ["later"]
    assert await shop.work() == 1, "who calls back has heard"
    assert await shop.status(order.id) == "accepted"


async def test_the_same_callback_many_times_at_once(shop: Shop) -> None:
    order = await shop.place()
    answers = await asyncio.gather(*(shop.call_back(order.id, "accepted", "once") for _ in range(10)))
    assert answers == [ordering.CallbackTaken(order_id=order.id, status="accepted", applied=True)] * 10
    await shop.call_back(order.id, "delivered")
    assert (await shop.call_back(order.id, "accepted", "once")) == answers[0]
    other = await shop.place()
    with pytest.raises(Conflict):
        await shop.call_back(other.id, "accepted", "once")
    assert await shop.status(other.id) == "placed"


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_old_and_early_signatures_are_refused(shop: Shop, minutes: int) -> None:
    order = await shop.place()
    with pytest.raises(Unauthorized):
        await shop.call_back(order.id, "accepted", at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert await shop.status(order.id) == "placed"


async def test_what_is_signed_is_the_body_the_id_and_the_time(shop: Shop) -> None:
    order = await shop.place()
    body = json.dumps({"type": "order.status", "data": {"orderId": order.id, "status": "accepted"}})
    good = signed(body, "id-1", datetime.now(UTC))
    changes: list[dict[str, str]] = [
        {"body": base64.b64encode(body.replace("accepted", "rejected").encode()).decode()},
        {"webhook_id": "id-2"},
        {"webhook_timestamp": str(int(good.webhook_timestamp) + 1)},
        {"webhook_signature": good.webhook_signature[:-4] + "AAA="},
        {"webhook_signature": "v1a" + good.webhook_signature[2:]},
        {"partner": "photall"},
        {"webhook_signature": ""},
    ]
    for change in changes:
        with pytest.raises(Unauthorized):
            await shop.callbacks.take(good.model_copy(update=change))
    assert (await shop.callbacks.take(good)).applied


@pytest.mark.parametrize(
    "data",
    [
        {"status": "accepted"},
        {"orderId": 0, "status": "accepted"},
        {"orderId": 1, "status": "cancelled"},
        {"orderId": 1, "status": "delivered", "deliveryUrl": "javascript:alert(1)"},
        {"orderId": 1, "status": "accepted", "progress": 101},
        {"orderId": 1, "status": "accepted", "message": "a\0b"},
        "nothing",
    ],
)
async def test_callbacks_that_are_not_understood(shop: Shop, data: Any) -> None:
    body = json.dumps({"type": "order.status", "data": data})
    with pytest.raises(InvalidInput):
        await shop.callbacks.take(signed(body, "x", datetime.now(UTC)))


async def test_a_partner_knows_only_its_own_orders(shop: Shop) -> None:
    for order_id in (2**62, 1 + (await shop.place()).id):
        with pytest.raises(NotFound):
            await shop.call_back(order_id, "accepted")
