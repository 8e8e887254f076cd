"""Every route: what it asks, as whom, and how it answers, in the specification's JSON."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from mizzap_common import testing
from mizzap_common.contracts import accounts, curating, duplicating, feed, library, requests
from mizzap_common.errors import NotFound, Unavailable

NOW = datetime(2025, 10, 23, 10, tzinfo=UTC)
USER = accounts.User(
    id=5, email="u@mizzap.test", username=None, full_name=None, country="FR", privacy_accepted=False, created_at=NOW
)
SESSION = accounts.Session(user=USER, access_token="a", refresh_token="r", expires_in=3600)
PHOTO = library.Photo(
    id=123, file_name="IMG_001.jpg", file_size=2048576, mime_type="image/jpeg", sha256="0" * 64, md5="0" * 32,
    perceptual_hash=None, status="processed", error=None, width=1920, height=1080, created_date=NOW.date(),
    taken_at=None, camera_model=None, latitude=None, longitude=None, has_duplicates=True, duplicate_count=2,
    quality_score=0.85, thumbnail_url="/api/v1/photos/123/thumbnail", uploaded_at=NOW, processed_at=NOW,
)  # fmt: skip
ALBUM: dict[str, Any] = {
    "id": 4, "name": "Été", "description": None, "cover_photo_id": None, "visibility": "private", "photo_count": 2,
    "created_at": NOW, "updated_at": NOW,
}  # fmt: skip
DUPLICATE = duplicating.Duplicate(
    id=456, primary_photo_id=123, duplicate_photo_id=124, lane="exact", match_type="exact", similarity_score=1.0,
    reasons=["The same bytes."], action="pending", action_date=None, created_at=NOW,
)  # fmt: skip
STATS = duplicating.DuplicateStats(
    total_duplicates=1203, space_to_free="15.2 GB", space_to_free_bytes=15_200_000_000, duplicate_percentage=24.1
)
MOMENTS = curating.CuratedSet(id=1, status="suggested", moments=[], photos=3, up_to_date=True, updated_at=NOW)
JOB = library.Job(
    id=1, photo_id=123, job_type="dedup", status="completed", retry_count=0, error_message=None, created_at=NOW,
    started_at=NOW, completed_at=NOW,
)  # fmt: skip
GROUP = duplicating.Group(lane="near", keeper=123, members=[123, 124], reasons=["Larger."])

CREDENTIALS = {"email": "u@mizzap.test", "password": "correct horse"}
SHA = "ab" * 32
RENDITION = library.StoredObject(object_key="k", mime_type="image/jpeg", size_bytes=1, etag="e")

# name, method, path, body, the question that it asks (without the user), the other service's answer, status
ROUTES: list[tuple[str, str, Any, requests.Method[Any, Any], dict[str, Any], Any, int]] = [
    ("POST", "/auth/register", {**CREDENTIALS, "fullName": "U"}, requests.AUTH_REGISTER, {"full_name": "U"}, SESSION, 201),
    ("POST", "/auth/login", CREDENTIALS, requests.AUTH_LOGIN, {"email": "u@mizzap.test"}, SESSION, 200),
    ("POST", "/auth/refresh", {"refreshToken": "r"}, requests.AUTH_REFRESH, {"refresh_token": "r"}, SESSION, 200),
    ("GET", "/auth/me", None, requests.AUTH_ME, {}, USER, 200),
    ("POST", "/photos/precheck", {"sha256": [SHA]}, requests.PHOTOS_PRECHECK, {"sha256": [SHA]},
     library.KnownHashes(known=[library.KnownHash(sha256=SHA, photo_ids=[1], file_names=["a.jpg"])]), 200),
    ("POST", "/photos/adopt", {"fileName": "b.jpg", "sha256": SHA}, requests.PHOTOS_ADOPT,
     {"file_name": "b.jpg", "sha256": SHA}, library.RegisteredPhoto(photo=PHOTO, created=True), 201),
    ("POST", "/photos/adopt", {"fileName": "b.jpg", "sha256": SHA}, requests.PHOTOS_ADOPT,
     {}, library.RegisteredPhoto(photo=PHOTO, created=False), 200),
    ("GET", "/photos?page=2&limit=50&sortBy=fileName&sortOrder=asc&status=failed", None, requests.PHOTOS_LIST,
     {"page": 2, "limit": 50, "sort_by": "fileName", "sort_order": "asc", "status": "failed"},
     library.PhotoPage(photos=[PHOTO], total=5000), 200),
    ("GET", "/photos?dateFrom=2024-01-02&dateTo=2024-02-03&minQuality=0.5&maxQuality=1&mediaType=photo&camera=canon"
     "&hasDuplicates=true&q=%C3%A9t%C3%A9%20paris", None, requests.PHOTOS_LIST,
     {"date_from": date(2024, 1, 2), "date_to": date(2024, 2, 3), "min_quality": 0.5, "max_quality": 1.0,
      "media_type": "photo", "camera": "canon", "has_duplicates": True, "q": "été paris", "album_photo_ids": None},
     library.PhotoPage(photos=[PHOTO], total=1), 200),
    ("GET", "/changes?limit=7", None, requests.PHOTOS_CHANGES, {"after": 0, "limit": 7},
     feed.ChangesPage(changes=[], last=0, more=False), 200),
    ("GET", "/photos/123", None, requests.PHOTOS_GET, {"photo_id": 123}, PHOTO, 200),
    ("DELETE", "/photos/123", None, requests.PHOTOS_DELETE, {"photo_id": 123}, library.Done(), 200),
    ("POST", "/albums", {"name": " Été "}, requests.ALBUMS_CREATE, {"name": "Été"}, library.Album(**ALBUM), 201),
    ("GET", "/albums", None, requests.ALBUMS_LIST, {"page": 1, "limit": 20},
     library.AlbumPage(albums=[library.Album(**ALBUM)], total=1), 200),
    ("GET", "/albums/4", None, requests.ALBUMS_GET, {"album_id": 4}, library.AlbumWithPhotos(**ALBUM, photo_ids=[2, 1]), 200),
    ("PUT", "/albums/4", {"coverPhotoId": 9}, requests.ALBUMS_UPDATE, {"album_id": 4, "cover_photo_id": 9, "name": None},
     library.Album(**ALBUM), 200),
    ("DELETE", "/albums/4", None, requests.ALBUMS_DELETE, {"album_id": 4}, library.Done(), 200),
    ("POST", "/albums/4/photos", {"photoIds": [1, 2]}, requests.ALBUMS_ADD, {"photo_ids": [1, 2]}, library.Album(**ALBUM), 200),
    ("DELETE", "/albums/4/photos/7", None, requests.ALBUMS_REMOVE, {"album_id": 4, "photo_id": 7}, library.Album(**ALBUM), 200),
    ("GET", "/duplicates/groups", None, requests.DEDUP_GROUPS, {"page": 1},
     duplicating.GroupPage(groups=[GROUP], total=1), 200),
    ("GET", "/duplicates/stats", None, requests.DEDUP_STATS, {}, STATS, 200),
    ("POST", "/duplicates/456/action", {"action": "rejected"}, requests.DEDUP_ACT,
     {"duplicate_id": 456, "action": "rejected"}, DUPLICATE, 200),
    ("GET", "/curation/moments", None, requests.CURATION_MOMENTS, {}, MOMENTS, 200),
    ("POST", "/curation/moments/confirm", None, requests.CURATION_CONFIRM, {}, MOMENTS, 200),
    ("PUT", "/curation/moments", {"add": [1], "remove": [2]}, requests.CURATION_CHANGE,
     {"add": [1], "remove": [2], "order": None}, MOMENTS, 200),
    ("GET", "/jobs?photoId=123&status=failed", None, requests.PHOTOS_JOBS, {"photo_id": 123, "status": "failed"},
     library.JobPage(jobs=[JOB], total=1), 200),
    ("GET", "/jobs/progress", None, requests.PHOTOS_PROGRESS, {},
     library.Progress(photos=3, stored=2, processed=1, failed=0, pending=2), 200),
    ("GET", "/model", None, requests.DEDUP_MODEL, {}, duplicating.Model(id="tower", dimensions=1280), 200),
]  # fmt: skip
_OPEN = ("/auth/register", "/auth/login", "/auth/refresh")


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
    assert response.headers["Cache-Control"] == "no-store"


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


async def test_health_and_the_model_in_use(gateway) -> None:
    async def model_is_known() -> bool:
        found = (await gateway.http.get("/ready")).json()
        return bool(found["ready"] and found["info"].get("model") == {"id": "tower", "dimensions": 1280})

    await testing.eventually(model_is_known)
    assert (await gateway.http.get("/live")).json() == {"live": True, "problems": []}
    assert "mizzap_websockets" in (await gateway.http.get("/metrics")).text
