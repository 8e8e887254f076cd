"""Orders in the database: who may do what when, what is sent again, and what is not."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from mizzap_common import tombstones
from mizzap_common.contracts import catalog, events, library, ordering
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure
from mizzap_common.errors import Conflict, InvalidInput, MizzapError, NotFound, Unauthorized
from mizzap_common.inbox import Delivery
from mizzap_common.sealed import KeyRing
from mizzap_curation import orders_repository
from mizzap_curation.callbacks import Callbacks
from mizzap_curation.courier import Courier
from mizzap_curation.links import Link, Links
from mizzap_curation.models import PartnerRequestRow, metadata
from mizzap_curation.orders import Orders
from mizzap_curation.partners import Outcome, Partners
from mizzap_curation.settings import CurationSettings
from pydantic import SecretStr, ValidationError
from sqlalchemy import select, update
from sqlmodel import col
from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
_numbers = count(2**45)


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
        self.user = next(_numbers)
        self.photos = [next(_numbers), next(_numbers)]
        self.database = database
        self.wire = Wire(settings)
        self.known = PhotosService()
        self.known.owned[self.user] = set(self.photos)
        self.links = Links(KeyRing.from_file(settings.key_ring_file), settings.public_url)
        self.orders = Orders(database, self.known, self.wire, self.links, timedelta(days=1))  # type: ignore[arg-type]
        self.callbacks = Callbacks(database, self.wire)
        self.courier = Courier(database, self.wire, self.links, settings)

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
                waits = update(PartnerRequestRow).where(col(PartnerRequestRow.done_at).is_(None))
                await session.execute(waits.values(send_after=datetime.now(UTC) - timedelta(seconds=1)))
            if not await self.courier.work():
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


@pytest.fixture(scope="module")
def with_partner(settings: CurationSettings) -> CurationSettings:
    more = {"memopyk_url": "http://127.0.0.1:9/", "memopyk_secret": SecretStr(SECRET), "partner_retry_seconds": (1, 1)}
    return settings.model_copy(update=more)


@pytest.fixture
async def shop(database: Database, with_partner: CurationSettings) -> AsyncIterator[Shop]:
    made = Shop(database, with_partner)
    yield made
    await made.work()  # leaves nothing to others
    await made.wire.close()


# --- sending ------------------------------------------------------------------------------------------------------


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


# --- cancelling ---------------------------------------------------------------------------------------------------


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


# --- callbacks ----------------------------------------------------------------------------------------------------


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


# --- links --------------------------------------------------------------------------------------------------------


async def test_links_expire_and_lead_to_the_order_s_photos_only(shop: Shop) -> None:
    order, other = await shop.place(), next(_numbers)
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


# --- the wire and the settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(200, "taken"), (204, "taken"), (302, "refused"), (400, "refused"), (410, "refused"), (408, "later"),
     (429, "later"), (500, "later"), (503, "later"), (httpx.ConnectError("no"), "later"),
     (httpx.ReadTimeout("no"), "later")],
)  # fmt: skip
async def test_what_a_partner_s_answer_means(with_partner: CurationSettings, answer: Any, outcome: str) -> None:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, headers={"location": "http://127.0.0.1:9/elsewhere"})

    partners = Partners(with_partner)
    partners._http = httpx.AsyncClient(transport=httpx.MockTransport(reply), follow_redirects=False)
    message_id = uuid4()
    assert await partners.send("memopyk", message_id, '{"é": 1}') == outcome
    (request,) = seen
    assert request.headers["webhook-id"] == str(message_id)
    assert Webhook(SECRET).verify(request.content, dict(request.headers)) == {"é": 1}
    assert await partners.send("photall", message_id, "{}") == "later", "it is not enabled"
    await partners.close()


@pytest.mark.parametrize(
    ("environment", "more", "problem"),
    [
        ("development", {}, "needs MIZZAP_MEMOPYK_SECRET"),
        ("production", {}, "needs MIZZAP_MEMOPYK_SECRET"),
        ("production", {"memopyk_secret": "whsec_c2hvcnQ="}, "needs MIZZAP_MEMOPYK_SECRET"),
        ("production", {"memopyk_secret": "whsec_é"}, "needs MIZZAP_MEMOPYK_SECRET"),
        ("production", {"memopyk_secret": SECRET}, "over https"),
        ("production", {"memopyk_secret": SECRET, "public_url": "https://api.mizzap.test"}, "over https"),
        ("production", {"memopyk_secret": SECRET, "memopyk_url": "https://memopyk.test"}, "over https"),
    ],
)
def test_no_partner_without_a_secret(environment: str, more: dict[str, str], problem: str) -> None:
    values = {
        "environment": environment,
        "database_url": "x",
        "key_ring_file": "x",
        "memopyk_url": "http://memopyk.test",
    }
    with pytest.raises(ValidationError, match=problem):
        CurationSettings(**{**values, **more})  # type: ignore[arg-type]


async def test_a_partner_that_is_not_enabled(shop: Shop) -> None:
    request = ordering.OrderRetouch(
        user_id=shop.user, instructions="Brighter", photo_ids=shop.photos, partner_consent=True
    )
    with pytest.raises(MizzapError) as refused:
        await shop.orders.order_retouch(request)
    assert (refused.value.status, refused.value.code) == (409, "PARTNER_NOT_ENABLED")


# --- leaving ------------------------------------------------------------------------------------------------------


async def test_an_erased_user_s_orders_go_and_their_links_lead_nowhere(shop: Shop, database: Database) -> None:
    order, photo_id = await shop.place(), shop.photos[0]
    await shop.work()
    await shop.call_back(order.id, "accepted")
    assert await shop.can_fetch(order.id, photo_id)
    shop.wire.sent.clear()
    waiting = await shop.place()
    asked = events.UserErasureRequested(user_id=shop.user, erasure_id="e", asked=1)
    await Erasure(database, metadata, catalog.CURATION_ERASED).erase(asked, Delivery("erasure", uuid4()))
    assert not await shop.can_fetch(order.id, photo_id)
    assert await shop.requests(order.id) == await shop.requests(waiting.id) == []
    assert await shop.work() == 0, "nothing of theirs is sent any more"
    with pytest.raises(NotFound):
        await shop.place()
