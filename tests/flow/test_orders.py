"""Orders to the partners, over the real gateway, photos and curation services, and a simulator of both partners."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog, events

from tests.flow.partners import User, user, world

__all__ = ["user", "world"]


async def test_a_film_from_order_to_delivery(user: User) -> None:
    photos = await user.upload(2)
    wanted = list(photos)[::-1]
    placed = await user.film("Été à la mer", wanted, music="calm", seconds=90)
    assert (placed["status"], placed["partner"], placed["photoIds"]) == ("placed", "memopyk", wanted)
    assert placed["partnerConsent"]["version"] and placed["partnerConsent"]["withdrawnAt"] is None
    delivered = await user.until(placed["id"], "delivered")
    order = await user.finished(placed["id"])
    assert {name: order.data[name] for name in ("title", "music", "seconds")} == {
        "title": "Été à la mer", "music": "calm", "seconds": 90,
    }  # fmt: skip
    assert [(photo.photo_id, photo.sha256) for photo in order.fetched] == [(one, photos[one]) for one in wanted]
    assert (delivered["progress"], delivered["message"]) == (100, "memopyk: delivered")
    film = (await httpx.AsyncClient(trust_env=False).get(delivered["deliveryUrl"])).json()
    assert film == {"made of": [photos[one] for one in wanted]}
    told = [status for status in await user.told(placed["id"]) if status != "sent"]
    assert told == ["placed", "accepted", "in_progress", "delivered"]
    # the order is closed, and so are its links
    assert (await user.world.http.get(order.data["photos"][0]["url"])).status_code == 404
    assert "user_id" not in json.dumps(order.data) and f"user-{user.user_id}" not in json.dumps(order.data)


async def test_the_best_moments_are_sent_to_be_retouched(user: User) -> None:
    body = {"instructions": "Brighter skies", "style": "vivid", "partnerConsent": True}
    refused = await user.ask("POST", "/integrations/photall/send-for-retouch", body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "MOMENTS_NOT_CONFIRMED")
    photos = await user.upload(3)

    async def moments() -> Any:
        found = await user.call("GET", "/curation/moments")
        return len(found["moments"]) == 3

    await testing.eventually(moments, 30)
    confirmed = await user.call("POST", "/curation/moments/confirm")
    placed = await user.call("POST", "/integrations/photall/send-for-retouch", body, 201)
    assert placed["photoIds"] == [moment["photoId"] for moment in confirmed["moments"]]
    await user.until(placed["id"], "delivered")
    order = await user.finished(placed["id"], "photall")
    assert {photo.sha256 for photo in order.fetched} == set(photos.values())
    assert (order.data["instructions"], order.data["style"]) == ("Brighter skies", "vivid")
    answer = (await user.ask("GET", "/integrations/status")).json()
    assert [
        (p["partner"], p["enabled"], p["openOrders"], p["deliveredOrders"]) for p in answer["data"]["partners"]
    ] == [
        ("memopyk", True, 0, 0),
        ("photall", True, 0, 1),
    ]
    assert [shown["id"] for shown in answer["data"]["orders"]] == [placed["id"]]
    assert answer["pagination"]["total"] == 1


async def test_an_order_outlives_a_partner_s_failures_and_is_taken_once(user: User) -> None:
    photos = await user.upload()
    placed = await user.film("Film [simulate fail:500,429,timeout,lost]", list(photos))
    await user.until(placed["id"], "delivered")
    order = await user.finished(placed["id"])
    # by the time of the fifth try the partner may have called back, which says as much as its answer
    assert order.tries >= 4 and order.repeated <= 1
    assert len(order.fetched) == 1


@pytest.mark.parametrize(
    ("how", "code", "tries"),
    [("fail:500,503,500,502,500,500", "PARTNER_UNREACHABLE", 5), ("fail:403", "PARTNER_REFUSED", 1)],
)
async def test_an_order_that_nobody_takes_fails(user: User, how: str, code: str, tries: int) -> None:
    photos = await user.upload()
    placed = await user.film(f"Film [simulate {how}]", list(photos))
    failed = await user.until(placed["id"], "failed")
    assert failed["error"]["code"] == code
    order = user.simulated(placed["id"])
    assert (order.tries, order.fetched) == (tries, [])
    assert await user.told(placed["id"]) == ["placed", "failed"]
    assert (await user.world.http.get(order.data["photos"][0]["url"])).status_code == 404
    again = await user.ask("POST", f"/integrations/orders/{placed['id']}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ORDER_CLOSED")


async def test_callbacks_forged_repeated_and_late_change_nothing(user: User) -> None:
    photos = await user.upload()
    placed = await user.film("Film [simulate twice forged late]", list(photos))
    await user.until(placed["id"], "delivered")
    order = await user.finished(placed["id"])
    answers = [(told.status, told.answer) for told in order.told]
    assert answers == [
        (status, answer)
        for status in ("accepted", "in_progress", "delivered", "in_progress")
        for answer in (401, 200, 200)
    ]
    taken = [told for told in order.told if told.answer == 200]
    for first, second in zip(taken[::2], taken[1::2], strict=True):
        assert first.webhook_id == second.webhook_id and first.body == second.body
    assert [told.body["data"]["applied"] for told in taken[::2]] == [True, True, True, False]
    told = [status for status in await user.told(placed["id"]) if status != "sent"]
    assert told == ["placed", "accepted", "in_progress", "delivered"]


async def test_a_partner_may_refuse(user: User) -> None:
    photos = await user.upload()
    placed = await user.film("Film [simulate callbacks:rejected]", list(photos))
    rejected = await user.until(placed["id"], "rejected")
    assert rejected["message"] == "memopyk: rejected" and rejected["error"] is None


async def test_a_cancelled_order_ends_the_partner_s_access_at_once(user: User) -> None:
    photos = await user.upload()
    placed = await user.film("Film [simulate callbacks:accepted stubborn]", list(photos))
    await user.until(placed["id"], "accepted")
    order = await user.finished(placed["id"])
    url = order.data["photos"][0]["url"]
    assert (await user.world.http.get(url)).status_code == 200
    cancelled = await user.call("POST", f"/integrations/orders/{placed['id']}/cancel")
    assert cancelled["status"] == "cancelled" and cancelled["partnerConsent"]["withdrawnAt"] is not None
    assert (await user.world.http.get(url)).status_code == 404
    await testing.eventually(lambda: order.cancelled and len(order.told) == 2, 30)
    assert [photo.status for photo in order.fetched] == [200, 404]
    late = order.told[-1]
    assert (late.answer, late.body["data"]) == (200, {"orderId": placed["id"], "status": "cancelled", "applied": False})
    again = await user.call("POST", f"/integrations/orders/{placed['id']}/cancel")
    assert again["status"] == "cancelled"
    assert (await user.told(placed["id"])).count("cancelled") == 1


async def test_a_partner_hears_when_the_account_is_gone(user: User) -> None:
    photos = await user.upload()
    placed = [await user.film(f"Film [simulate callbacks:{how}]", list(photos)) for how in ("accepted", "delivered")]
    stranger = User(user.world)
    theirs = await stranger.film("Film [simulate callbacks:accepted]", list(await stranger.upload()))
    orders = [
        await owner.finished(order["id"])
        for owner, order in zip((user, user, stranger), (*placed, theirs), strict=True)
    ]
    asked = events.UserErasureRequested(user_id=user.user_id, erasure_id=str(uuid4()), asked=1)
    await testing.publish_event(user.world.bus.jetstream, catalog.USER_ERASURE_REQUESTED, asked)
    known = user.world.simulator.orders
    await testing.eventually(lambda: not any(("memopyk", order["id"]) in known for order in placed), 30)
    assert ("memopyk", theirs["id"]) in known, "a stranger's order is not touched"
    statuses = [(await user.world.http.get(order.data["photos"][0]["url"])).status_code for order in orders]
    assert statuses == [404, 404, 200]


async def test_a_link_gives_one_original_and_dies_with_the_photo(user: User) -> None:
    photos = await user.upload(2)
    placed = await user.film("Film [simulate callbacks:accepted]", list(photos))
    order = await user.finished(placed["id"])
    first, second = (photo["url"] for photo in order.data["photos"])
    answer = await user.world.http.get(first)
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''0.jpg"
    assert answer.headers["Cache-Control"] == "private, no-store"
    for wrong in (first[:-2], first + "A", first[:-44] + second[-44:], "", "%00", "é"):
        url = wrong if wrong.startswith("http") else f"/api/v1/integrations/files/{wrong}"
        assert (await user.world.http.get(url)).status_code == 404
    gone, left = photos

    async def ordered(*photo_ids: int) -> None:
        async def shown() -> Any:
            return (await user.order(placed["id"]))["photoIds"] == list(photo_ids)

        await testing.eventually(shown, 30)

    for step, photo_ids in (("", [left]), ("/restore", [gone, left]), ("?permanent=true", [left])):
        await user.call("POST" if step == "/restore" else "DELETE", f"/photos/{gone}{step}")
        if gone not in photo_ids:
            assert (await user.world.http.get(first)).status_code == 404
        await ordered(*photo_ids)
        assert (await user.world.http.get(first)).status_code == (200 if gone in photo_ids else 404)
        assert (await user.world.http.get(second)).status_code == 200


async def test_what_can_t_be_ordered(user: User) -> None:
    stranger = User(user.world)
    photos, theirs = await user.upload(), await stranger.upload()
    body = {"title": "Film", "photoIds": list(photos)}
    for consent in ({}, {"partnerConsent": False}):
        refused = await user.ask("POST", "/integrations/memopyk/create-film", {**body, **consent})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "PARTNER_CONSENT_REQUIRED")
    for missing in (*theirs, 10**12):
        refused = await user.ask(
            "POST", "/integrations/memopyk/create-film",
            {"title": "Film", "photoIds": [*photos, missing], "partnerConsent": True},
        )  # fmt: skip
        assert refused.status_code == 404
        assert refused.json()["error"]["details"] == {"photoIds": [missing]}
    placed = await stranger.film("Film [simulate callbacks:accepted]", list(theirs))
    for order_id in (placed["id"], 10**12):
        for method, path in (("GET", ""), ("POST", "/cancel")):
            refused = await user.ask(method, f"/integrations/orders/{order_id}{path}")
            assert refused.status_code == 404
            assert refused.json()["error"] == {
                "code": "NOT_FOUND", "message": "There is no such order.", "details": {"orderId": order_id},
            }  # fmt: skip
    await stranger.until(placed["id"], "accepted")


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"webhook-id": "x", "webhook-timestamp": "nan"}, 401)])
async def test_nobody_else_can_call_back(user: User, headers: dict[str, str], status: int) -> None:
    url = "/api/v1/integrations/memopyk/callback"
    for body in (b"", b"{}", b"\xff", b"x" * 60_000):
        for signature in ("", "v1", "v1,", "v1,%%", "v2,AAAA", "v1,AAAA v1,BBBB"):
            answer = await user.world.http.post(url, content=body, headers={**headers, "webhook-signature": signature})
            assert answer.status_code == status, answer.text
            assert answer.json()["error"]["code"] == "SIGNATURE_INVALID"
    assert (await user.world.http.post(url, content=b"x" * 70_000)).status_code == 413
    assert (await user.world.http.post("/api/v1/integrations/nobody/callback", content=b"{}")).status_code == 400
