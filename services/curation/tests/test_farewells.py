"""What becomes of orders when the user leaves: they go, and their partners hear that they have to delete what they have."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from mizzap_common.contracts import catalog, events
from mizzap_common.erasure import Erasure
from mizzap_common.errors import NotFound
from mizzap_common.inbox import Delivery
from mizzap_curation.models import PartnerFarewellRow, metadata
from mizzap_curation.partners import Outcome
from sqlalchemy import select, update
from sqlmodel import col

from services.curation.tests.shops import Shop


async def erase(shop: Shop) -> None:
    asked = events.UserErasureRequested(user_id=shop.user, erasure_id="e", asked=1)
    erasure = Erasure(shop.database, metadata, catalog.CURATION_ERASED, tell_others=shop.farewells.queue)
    await erasure.erase(asked, Delivery("erasure", uuid4()))


def told(shop: Shop) -> list[tuple[str, int]]:
    return [(message["type"], message["data"]["orderId"]) for _, message in shop.wire.sent]


async def waiting(shop: Shop) -> list[PartnerFarewellRow]:
    async with shop.database.begin() as session:
        return list(await session.scalars(select(PartnerFarewellRow).order_by(col(PartnerFarewellRow.order_id))))


async def test_orders_go_and_who_has_heard_of_them_hears_of_their_end(shop: Shop) -> None:
    open_order, delivered = await shop.place(), await shop.place()
    await shop.work()
    await shop.call_back(open_order.id, "accepted")
    await shop.call_back(delivered.id, "delivered")
    never_sent, photo_id = await shop.place(), shop.photos[0]
    shop.wire.sent.clear()

    await erase(shop)
    assert not await shop.can_fetch(open_order.id, photo_id) and not await shop.can_fetch(never_sent.id, photo_id)
    assert await shop.requests(open_order.id) == await shop.requests(never_sent.id) == []
    await shop.work()
    assert sorted(told(shop)) == [("order.erased", open_order.id), ("order.erased", delivered.id)]
    assert await waiting(shop) == [], "nothing of it is kept"
    with pytest.raises(NotFound):
        await shop.place()


async def test_an_erasure_that_is_asked_for_again_says_nothing_new(shop: Shop) -> None:
    await shop.place()
    await shop.work()
    shop.wire.sent.clear()
    # broken off after the orders' partners were queued, and begun again
    await shop.farewells.queue(shop.user)
    await shop.work()
    await shop.farewells.queue(shop.user)
    await erase(shop)
    await erase(shop)
    await shop.work()
    assert len({message_id for message_id, _ in shop.wire.sent}) == 1


@pytest.mark.parametrize("outcome", ["taken", "later"])
async def test_it_doesn_t_overtake_an_order_that_is_being_sent(shop: Shop, outcome: Outcome) -> None:
    order = await shop.place()

    async def leave() -> None:
        shop.wire.meanwhile = None
        await erase(shop)
        assert not await shop.farewells.work(), "the partner has not heard of the order yet"

    shop.wire.meanwhile = leave
    shop.wire.outcomes = [outcome]
    await shop.work()
    assert told(shop) == [("order.placed", order.id), ("order.erased", order.id)]


async def test_a_partner_that_is_away_is_told_for_a_month(shop: Shop) -> None:
    await shop.place()
    await shop.work()
    await erase(shop)
    shop.wire.outcomes = ["later"] * 100
    before = len(shop.wire.sent)
    pauses = []
    for _ in range(4):
        assert await shop.farewells.work()
        [row] = await waiting(shop)
        pauses.append(row.send_after - datetime.now(UTC))
        async with shop.database.begin() as session:
            await session.execute(update(PartnerFarewellRow).values(send_after=datetime.now(UTC)))
    assert pauses[0] < timedelta(seconds=2) and timedelta(hours=23) < pauses[3] <= timedelta(days=1)
    await shop.work()
    assert len(shop.wire.sent) - before == len(shop.farewells.pauses) + 1 == 33
    assert await waiting(shop) == []


async def test_a_refusal_is_the_end_of_it(shop: Shop) -> None:
    await shop.place()
    await shop.work()
    await erase(shop)
    shop.wire.outcomes = ["refused"]
    assert await shop.work() == 1 and await waiting(shop) == []


async def test_whoever_dies_while_saying_it_is_replaced(shop: Shop) -> None:
    await shop.place()
    await shop.work()
    await erase(shop)

    async def die() -> None:
        raise RuntimeError("killed")

    shop.wire.meanwhile = die
    with pytest.raises(RuntimeError):
        await shop.farewells.work()
    shop.wire.meanwhile = None
    assert not await shop.farewells.work(), "it is claimed"
    async with shop.database.begin() as session:
        await session.execute(update(PartnerFarewellRow).values(claimed_until=datetime.now(UTC)))
    assert await shop.farewells.work()
    first, second = [message_id for message_id, message in shop.wire.sent if message["type"] == "order.erased"]
    assert first == second
