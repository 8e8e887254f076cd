"""Every route: what it asks, as whom, and how it answers, in the specification's JSON."""

import base64

import pytest
from mizzap_common import testing
from mizzap_common.contracts import (
    albums,
    duplicating,
    library,
    ordering,
    requests,
)
from mizzap_common.errors import NotFound, Unavailable

from services.gateway.tests.routes_and_questions import (
    _OPEN,
    ALBUM,
    DUPLICATE,
    GROUP,
    PHOTO,
    ROUTES,
    STATS,
)


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r[0]} {r[1]}")
async def test_a_route_asks_for_its_caller_and_answers(gateway, user_id, ask, route) -> None:
    http_method, path, body, method, question, answer, status = route
    gateway.others.say(method, answer)
    response = await ask(http_method, path, body)
    assert response.status_code == status, response.text
    [asked] = gateway.others.questions(method)
    assert {name: getattr(asked, name) for name in question} == question
    if path not in _OPEN and method is not requests.DEDUP_MODEL:
        assert asked.user_id == user_id
    content = response.json()
    assert content["success"] is True and "data" in content
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == ("private, no-cache" if http_method == "GET" else "no-store")


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r[0]} {r[1]}")
async def test_errors_of_the_other_service_come_through(gateway, ask, error_of, route) -> None:
    http_method, path, body, method, *_ = route
    gateway.others.say(method, NotFound("There is no such thing.", what="thing"))
    response = await ask(http_method, path, body)
    assert response.status_code == 404
    assert error_of(response) == {
        "code": "NOT_FOUND",
        "message": "There is no such thing.",
        "details": {"what": "thing"},
    }
    gateway.others.say(method, RuntimeError("with a secret in it"))
    response = await ask(http_method, path, body)
    assert response.status_code == 500
    assert error_of(response)["code"] == "INTERNAL"
    assert "secret" not in response.text


@pytest.mark.parametrize("route", [r for r in ROUTES if r[1] not in _OPEN], ids=lambda r: f"{r[0]} {r[1]}")
async def test_nothing_is_asked_for_a_stranger(gateway, error_of, route) -> None:
    http_method, path, body, method, *_ = route
    response = await gateway.http.request(http_method, f"/api/v1{path}", json=body)
    assert response.status_code == 401
    assert error_of(response)["code"] == "UNAUTHORIZED"
    assert gateway.others.questions(method) == [] or method is requests.DEDUP_MODEL


async def test_the_list_of_photos_is_the_specification_s(gateway, ask) -> None:
    gateway.others.say(requests.PHOTOS_LIST, library.PhotoPage(photos=[PHOTO], total=5000, next_cursor="abc"))
    content = (await ask("GET", "/photos?page=2&limit=50&sortBy=createdDate&sortOrder=desc")).json()
    assert content["pagination"] == {
        "page": 2, "limit": 50, "total": 5000, "hasMore": True, "totalPages": 100, "nextCursor": "abc",
    }  # fmt: skip
    expected = {
        "id": 123, "fileName": "IMG_001.jpg", "fileSize": 2048576, "uploadedAt": "2025-10-23T10:00:00Z",
        "hasDuplicates": True, "duplicateCount": 2, "width": 1920, "height": 1080, "createdDate": "2025-10-23",
        "thumbnailUrl": "/api/v1/photos/123/thumbnail", "qualityScore": 0.85,
    }  # fmt: skip
    assert {name: content["data"][0][name] for name in expected} == expected


@pytest.mark.parametrize(
    ("page", "limit", "total", "has_more", "pages"),
    [(1, 20, 0, False, 0), (1, 20, 20, False, 1), (1, 20, 21, True, 2), (2, 20, 21, False, 2), (9, 20, 21, False, 2)],
)
async def test_pagination(gateway, ask, page, limit, total, has_more, pages) -> None:
    gateway.others.say(requests.PHOTOS_LIST, library.PhotoPage(photos=[], total=total))
    found = (await ask("GET", f"/photos?page={page}&limit={limit}")).json()["pagination"]
    assert (found["hasMore"], found["totalPages"], found["total"]) == (has_more, pages, total)


async def test_the_list_of_duplicates_is_the_specification_s(gateway, user_id, ask) -> None:
    others = DUPLICATE.model_copy(update={"id": 457, "duplicate_photo_id": 125})
    gateway.others.say(requests.DEDUP_LIST, duplicating.DuplicatePage(duplicates=[DUPLICATE, others], total=2))
    gateway.others.say(requests.DEDUP_STATS, STATS)
    names = [library.PhotoName(id=i, file_name=f"IMG_{i}.jpg", file_size=1) for i in (123, 124)]
    gateway.others.say(requests.PHOTOS_NAMES, library.PhotoNames(photos=names))
    content = (await ask("GET", "/duplicates?action=pending")).json()
    expected = {
        "id": 456, "primaryPhotoId": 123, "duplicatePhotoId": 124, "matchType": "exact", "similarityScore": 1.0,
        "action": "pending", "primaryPhoto": {"id": 123, "fileName": "IMG_123.jpg"},
        "duplicatePhoto": {"id": 124, "fileName": "IMG_124.jpg"},
    }  # fmt: skip
    assert {name: content["data"][0][name] for name in expected} == expected
    assert content["data"][1]["duplicatePhoto"] is None
    assert content["stats"] == {
        "totalDuplicates": 1203,
        "spaceToFree": "15.2 GB",
        "spaceToFreeBytes": 15_200_000_000,
        "duplicatePercentage": 24.1,
    }
    [asked] = gateway.others.questions(requests.PHOTOS_NAMES)
    assert (asked.user_id, asked.photo_ids) == (user_id, [123, 124, 125])


async def test_groups_name_their_photos(gateway, user_id, ask) -> None:
    group = GROUP.model_copy(update={"members": list(range(1, 1202))})
    gateway.others.say(requests.DEDUP_GROUPS, duplicating.GroupPage(groups=[group], total=1))
    names = [library.PhotoName(id=i, file_name=f"IMG_{i}.jpg", file_size=1) for i in (3, 1)]
    gateway.others.say(requests.PHOTOS_NAMES, library.PhotoNames(photos=names))
    [shown] = (await ask("GET", "/duplicates/groups")).json()["data"]
    assert shown["photos"] == [{"id": 1, "fileName": "IMG_1.jpg"}, {"id": 3, "fileName": "IMG_3.jpg"}]
    asked = gateway.others.questions(requests.PHOTOS_NAMES)
    assert sorted(len(question.photo_ids) for question in asked) == [201, 500, 500]
    assert {question.user_id for question in asked} == {user_id}


@pytest.mark.parametrize("path", ["/photos/5/similar?limit=3", "/search?text=kitten&limit=3"])
async def test_what_is_found_is_shown_in_the_order_of_its_likeness(gateway, user_id, ask, path) -> None:
    hits = [duplicating.Hit(photo_id=9, score=0.5), duplicating.Hit(photo_id=2, score=0.25)]
    gateway.others.say(requests.PHOTOS_GET, PHOTO)
    for method in (requests.DEDUP_SIMILAR, requests.DEDUP_SEARCH_TEXT):
        gateway.others.say(method, duplicating.Ranking(model_id="clip", hits=hits))
    found = (await ask("GET", path)).json()["data"]
    assert found["model"] == "clip"
    assert [(one["photo"]["id"], one["photo"]["fileName"], one["score"]) for one in found["results"]] == [
        (9, "9.jpg", 0.5),
        (2, "2.jpg", 0.25),
    ]
    [asked] = gateway.others.questions(requests.PHOTOS_MANY)
    assert (asked.user_id, asked.photo_ids) == (user_id, [9, 2])


async def test_who_looks_like_a_photo_of_somebody_else_is_not_asked(gateway, ask, error_of) -> None:
    response = await ask("GET", "/photos/5/similar")
    assert response.status_code == 404
    assert error_of(response)["message"] == "There is no such photo."
    assert gateway.others.questions(requests.DEDUP_SIMILAR) == []


async def test_a_callback_is_passed_on_as_it_was_signed(gateway) -> None:
    taken = ordering.CallbackTaken(order_id=7, status="accepted", applied=True)
    gateway.others.say(requests.CURATION_CALLBACK, taken)
    headers = {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
    body = b' {"any": "bytes"}\xff\n'
    response = await gateway.http.post("/api/v1/integrations/photall/callback", content=body, headers=headers)
    assert response.json()["data"] == {"orderId": 7, "status": "accepted", "applied": True}
    [asked] = gateway.others.questions(requests.CURATION_CALLBACK)
    assert base64.b64decode(asked.body) == body
    assert (asked.partner, asked.webhook_id, asked.webhook_timestamp, asked.webhook_signature) == (
        "photall", "a", "1", "v1,x",
    )  # fmt: skip


async def test_unknown_routes_and_methods(gateway, error_of) -> None:
    for path in ("/", "/api/v1/nothing", "/api/v1/photos/", "/docs"):
        response = await gateway.http.get(path)
        assert response.status_code == 404
        assert error_of(response)["code"] == "NOT_FOUND"
    response = await gateway.http.patch("/api/v1/photos")
    assert response.status_code == 405
    assert error_of(response)["code"] == "METHOD_NOT_ALLOWED"
    assert "GET" in response.headers["Allow"]


async def test_a_service_that_does_not_answer_is_said(gateway, ask, error_of) -> None:
    gateway.others.say(requests.PHOTOS_GET, Unavailable("Nobody there."))
    response = await ask("GET", "/photos/1")
    assert response.status_code == 503
    assert error_of(response)["code"] == "UNAVAILABLE"
    assert int(response.headers["Retry-After"]) > 0


async def test_progress_is_told_without_the_thumbs_service_too(gateway, ask) -> None:
    progress = library.Progress(photos=3, stored=2, processed=1, failed=0, pending=2)
    gateway.others.say(requests.PHOTOS_PROGRESS, progress)
    assert (await ask("GET", "/jobs/progress")).json()["data"] == {**progress.model_dump(), "renditions": 9}
    gateway.others.say(requests.THUMBS_COUNT, Unavailable("Nobody there."))
    assert (await ask("GET", "/jobs/progress")).json()["data"] == {**progress.model_dump(), "renditions": None}


async def test_keys_are_shown_plainly(gateway, signer) -> None:
    response = await gateway.http.get("/.well-known/jwks.json")
    assert response.json() == {"keys": [signer.public()]}


async def test_pages_of_this_machine_may_call_and_others_not(gateway) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin, allowed in (
        ("http://localhost:3000", True),
        ("http://127.0.0.1:5173", True),
        ("https://evil.test", False),
        ("http://localhost.evil.test", False),
        ("null", False),
    ):
        response = await gateway.http.options("/api/v1/photos", headers={"Origin": origin, **asks})
        assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)
        assert "access-control-allow-credentials" not in response.headers


async def test_pages_may_send_conditions(gateway) -> None:
    asks = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,if-match"}
    response = await gateway.http.options("/api/v1/albums/4", headers={"Origin": "http://localhost:3000", **asks})
    assert response.status_code == 200 and "If-Match" in response.headers["access-control-allow-headers"]


async def test_health_and_the_model_in_use(gateway) -> None:
    async def model_is_known() -> bool:
        found = (await gateway.http.get("/ready")).json()
        return bool(found["ready"] and found["info"].get("model") == {"id": "tower", "dimensions": 1280})

    await testing.eventually(model_is_known)
    assert (await gateway.http.get("/live")).json() == {"live": True, "problems": []}
    assert "mizzap_websockets" in (await gateway.http.get("/metrics")).text


async def test_adding_many_to_an_album_says_what_became_of_each(gateway, ask) -> None:
    gateway.others.say(requests.ALBUMS_ADD, albums.AddedToAlbum(**ALBUM, added=[2]))
    body = {"action": "add_to_album", "photoIds": [1, 2, 1], "albumId": 4}
    content = (await ask("POST", "/photos/batch-action", body)).json()
    assert content["data"]["results"] == [
        {"photoId": 1, "result": "unchanged"},
        {"photoId": 2, "result": "changed"},
    ]


async def test_an_album_shows_nothing_of_how_it_was_added_to(gateway, ask) -> None:
    gateway.others.say(requests.ALBUMS_ADD, albums.AddedToAlbum(**ALBUM, added=[2]))
    assert "added" not in (await ask("POST", "/albums/4/photos", {"photoIds": [2]})).json()["data"]
