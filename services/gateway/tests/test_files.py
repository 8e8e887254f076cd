"""Thumbnails and originals: streamed, cached by their tag, harmless in a browser."""

from typing import Any
from uuid import uuid4

import pytest
from mizzap_common.contracts import library, requests
from mizzap_common.errors import NotFound

KEPT = [("thumbnail", "private, max-age=3600"), ("original", "private, no-cache")]


@pytest.fixture
async def stored(gateway: Any, user_id: int) -> library.StoredObject:
    """One photo of this test's user, with its original and a rendition in the store."""
    key, data = f"user-{user_id}/{uuid4()}", b"\xff\xd8\xff" + bytes(1_000_000)
    await gateway.storage.put(key, data, "image/jpeg")
    found = library.StoredObject(
        object_key=key, mime_type="image/jpeg", size_bytes=len(data), etag="abc", file_name='a/Été "1"\r\n.jpg'
    )
    photo = library.RegisterPhoto(
        user_id=user_id, file_name="a.jpg", sha256="0" * 64, md5="0" * 32, mime_type="image/jpeg", size_bytes=1
    )
    assert (await gateway.photos.register(photo)).photo.id == 1
    gateway.others.say(requests.PHOTOS_ORIGINAL, found)
    gateway.others.say(requests.THUMBS_LOCATE, found.model_copy(update={"file_name": None}))
    return found


@pytest.mark.parametrize(("what", "kept"), KEPT)
async def test_the_bytes_come_with_their_tag(gateway, user_id, stored, what, kept) -> None:
    response = await gateway.http.get(f"/api/v1/photos/1/{what}", headers=gateway.login(user_id))
    assert response.status_code == 200
    assert response.content == await gateway.storage.get(stored.object_key)
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Content-Length"] == str(stored.size_bytes)
    assert response.headers["ETag"] == '"abc"'
    assert response.headers["Cache-Control"] == kept
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("what", ["thumbnail", "original"])
@pytest.mark.parametrize("tag", ['"abc"', 'W/"abc"', '"x", "abc"', "*"])
async def test_what_the_client_has_is_not_sent_again(gateway, user_id, stored, what, tag) -> None:
    headers = {**gateway.login(user_id), "If-None-Match": tag}
    response = await gateway.http.get(f"/api/v1/photos/1/{what}", headers=headers)
    assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", '"abc"')


@pytest.mark.parametrize(("what", "kept"), KEPT)
async def test_a_browser_shows_what_it_has_only_to_whom_it_was_sent(gateway, user_id, stored, what, kept) -> None:
    url, has_it = f"/api/v1/photos/1/{what}", {"If-None-Match": '"abc"'}
    for asked in ({}, has_it):
        response = await gateway.http.get(url, headers={**gateway.login(user_id), **asked})
        assert response.headers["Cache-Control"] == kept
        assert {"authorization", "cookie"} <= set(response.headers["Vary"].lower().split(", "))
    gateway.others.say(requests.PHOTOS_ORIGINAL, NotFound("There is no such photo."))
    response = await gateway.http.get(url, headers={**gateway.login(user_id + 1), **has_it})
    assert (response.status_code, response.headers["Cache-Control"]) == (404, "no-store")


@pytest.mark.parametrize("tag", ['"other"', "abc", "", 'W/"ab"'])
async def test_another_tag_brings_the_bytes(gateway, user_id, stored, tag) -> None:
    headers = {**gateway.login(user_id), "If-None-Match": tag}
    assert (await gateway.http.get("/api/v1/photos/1/thumbnail", headers=headers)).status_code == 200


async def test_an_original_is_a_download_under_its_own_name(gateway, user_id, stored) -> None:
    response = await gateway.http.get("/api/v1/photos/1/original", headers=gateway.login(user_id))
    disposition = response.headers["Content-Disposition"]
    assert disposition == "attachment; filename*=UTF-8''%C3%89t%C3%A9%20%221%22%0D%0A.jpg"
    thumbnail = await gateway.http.get("/api/v1/photos/1/thumbnail", headers=gateway.login(user_id))
    assert "Content-Disposition" not in thumbnail.headers


@pytest.mark.parametrize(
    ("size", "side"),
    [("200", 200), ("400", 400), ("1200", 1200), ("thumbnail", 200), ("preview", 400), ("web", 1200), (None, 200)],
)
async def test_sizes(gateway, user_id, stored, size, side) -> None:
    query = "" if size is None else f"?size={size}"
    await gateway.http.get(f"/api/v1/photos/1/thumbnail{query}", headers=gateway.login(user_id))
    [asked] = gateway.others.questions(requests.THUMBS_LOCATE)
    assert (asked.user_id, asked.photo_id, asked.side) == (user_id, 1, side)


async def test_a_thumbnail_that_is_not_made_yet_is_told_from_a_missing_photo(gateway, user_id) -> None:
    await gateway.photos.register(
        library.RegisterPhoto(
            user_id=user_id, file_name="a.jpg", sha256="0" * 64, md5="0" * 32, mime_type="image/jpeg", size_bytes=1
        )
    )
    url = "/api/v1/photos/1/thumbnail"
    found = await gateway.http.get(url, headers=gateway.login(user_id))
    assert (found.status_code, found.json()["error"]["code"]) == (404, "THUMBNAIL_NOT_READY")
    foreign = await gateway.http.get(url, headers=gateway.login(user_id + 1))
    missing = await gateway.http.get("/api/v1/photos/999/thumbnail", headers=gateway.login(user_id + 1))
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert foreign.content == missing.content


@pytest.mark.parametrize("what", ["thumbnail", "original"])
async def test_an_object_that_is_gone_is_not_found(gateway, user_id, stored, what) -> None:
    await gateway.storage.remove(stored.object_key)
    response = await gateway.http.get(f"/api/v1/photos/1/{what}", headers=gateway.login(user_id))
    assert response.status_code == 404


async def test_a_store_that_is_down_is_said(gateway, user_id, stored, servers) -> None:
    servers.kill("s3")
    try:
        response = await gateway.http.get("/api/v1/photos/1/original", headers=gateway.login(user_id))
    finally:
        servers.restart("s3")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "UNAVAILABLE")


async def test_a_photo_in_the_trash_has_no_thumbnail_though_one_is_stored(gateway, user_id, stored, error_of) -> None:
    gateway.others.say(requests.PHOTOS_GET, NotFound("There is no such photo."))
    response = await gateway.http.get("/api/v1/photos/1/thumbnail", headers=gateway.login(user_id))
    assert (response.status_code, error_of(response)["code"]) == (404, "NOT_FOUND")
