"""Albums of several people's photos: what each sees of the others', and as whom the gateway asks for it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from mizzap_common.contracts import albums, library, requests
from mizzap_common.errors import Forbidden, NotFound, PreconditionFailed

NOW = datetime(2025, 10, 23, 10, tzinfo=UTC)
OWNER = 77
SHOWN = {
    "id", "ownerId", "fileName", "fileSize", "mimeType", "status", "width", "height", "createdDate", "takenAt",
    "cameraModel", "thumbnailUrl", "uploadedAt", "addedAt",
}  # fmt: skip
ALBUM = albums.AlbumWithPhotos(
    id=4, owner_id=5, role="owner", name="x", description=None, cover_photo_id=None, visibility="shared", photo_count=1,
    version=3, created_at=NOW, updated_at=NOW, photo_ids=[1],
)  # fmt: skip


def photo(photo_id: int) -> library.Photo:
    """With something in every field, so that none can hide."""
    return library.Photo(
        id=photo_id, file_name="a.jpg", file_size=5, mime_type="image/jpeg", sha256="5ec4e7" * 10 + "5ec4", md5="5ec4e7" * 5 + "ff",
        perceptual_hash="5ec4e75ec4e75ec4", status="processed", error=library.PhotoError(code="E", message="5ec4e7"),
        width=2, height=1, created_date=NOW.date(), taken_at=NOW, camera_model="Canon EOS 70D", latitude=48.8566,
        longitude=2.3522, has_duplicates=True, duplicate_count=3, quality_score=0.85,
        thumbnail_url=f"/api/v1/photos/{photo_id}/thumbnail", uploaded_at=NOW, processed_at=NOW,
    )  # fmt: skip


def page(*places: tuple[int, int]) -> albums.AlbumPhotoPage:
    found = [albums.AlbumPhoto(photo_id=photo_id, owner_id=owner_id, added_at=NOW) for photo_id, owner_id in places]
    return albums.AlbumPhotoPage(photos=found, total=len(found))


async def test_others_photos_are_shown_without_what_is_private(gateway, user_id, ask) -> None:
    gateway.photos.photos = {(OWNER, 1): photo(1), (user_id, 2): photo(2)}
    gateway.others.say(requests.ALBUMS_PHOTOS, page((1, OWNER), (2, user_id)))
    response = await ask("GET", "/albums/4/photos")
    theirs, own = response.json()["data"]

    assert set(theirs) == SHOWN
    assert theirs["ownerId"] == OWNER and theirs["thumbnailUrl"] == "/api/v1/albums/4/photos/1/thumbnail"
    assert theirs["fileName"] == "a.jpg" and theirs["cameraModel"] == "Canon EOS 70D"
    for secret in ("5ec4e7", "48.85", "2.35", "0.85", "atitude", "uplicate", "uality"):
        assert secret not in str(theirs)

    whole = photo(2).model_dump(mode="json", by_alias=True)
    assert own == {**whole, "ownerId": user_id, "addedAt": theirs["addedAt"]}
    asked = [(question.user_id, question.photo_ids) for question in gateway.others.questions(requests.PHOTOS_MANY)]
    assert sorted(asked) == sorted([(OWNER, [1]), (user_id, [2])])


async def test_the_album_s_order_is_kept_and_what_is_gone_is_left_out(gateway, user_id, ask) -> None:
    owners = {9: OWNER, 3: user_id, 7: OWNER, 1: OWNER, 8: user_id}
    gateway.photos.photos = {(owner, number): photo(number) for number, owner in owners.items() if number != 7}
    gateway.others.say(requests.ALBUMS_PHOTOS, page(*owners.items()))
    content = (await ask("GET", "/albums/4/photos?limit=5")).json()
    assert [shown["id"] for shown in content["data"]] == [9, 3, 1, 8]
    assert content["pagination"]["total"] == 5
    # one question for each owner
    assert len(gateway.others.questions(requests.PHOTOS_MANY)) == 2


@pytest.fixture
async def stored(gateway: Any) -> library.StoredObject:
    key = f"user-{OWNER}/{uuid4()}"
    await gateway.storage.put(key, b"\xff\xd8\xff bytes", "image/jpeg")
    found = library.StoredObject(object_key=key, mime_type="image/jpeg", size_bytes=9, etag="abc")
    gateway.others.say(requests.PHOTOS_ORIGINAL, found.model_copy(update={"file_name": "a.jpg"}))
    gateway.others.say(requests.THUMBS_LOCATE, found)
    gateway.photos.photos = {(OWNER, 1): photo(1)}
    return found


@pytest.mark.parametrize("what", ["thumbnail?size=web", "original"])
async def test_bytes_are_asked_for_as_their_owner(gateway, user_id, ask, stored, what) -> None:
    gateway.others.say(requests.ALBUMS_LOCATE, albums.LocatedPhoto(owner_id=OWNER, original=True))
    response = await ask("GET", f"/albums/4/photos/1/{what}")
    assert (response.status_code, response.content) == (200, b"\xff\xd8\xff bytes")
    # what is shared today may not be so tomorrow: a cache asks each time
    assert response.headers["Cache-Control"] == "private, no-cache"
    [located] = gateway.others.questions(requests.ALBUMS_LOCATE)
    assert (located.user_id, located.album_id, located.photo_id) == (user_id, 4, 1)
    [asked] = gateway.others.questions(requests.PHOTOS_ORIGINAL if what == "original" else requests.THUMBS_LOCATE)
    assert (asked.user_id, asked.photo_id) == (OWNER, 1)
    again = await ask("GET", f"/albums/4/photos/1/{what}", None, **{"If-None-Match": '"abc"'})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("what", ["thumbnail", "original"])
async def test_who_does_not_see_the_album_gets_no_byte(gateway, ask, error_of, stored, what) -> None:
    gateway.others.say(requests.ALBUMS_LOCATE, NotFound("There is no such album."))
    response = await ask("GET", f"/albums/4/photos/1/{what}", None, **{"If-None-Match": '"abc"'})
    assert (response.status_code, error_of(response)["message"]) == (404, "There is no such album.")
    assert "ETag" not in response.headers
    assert gateway.others.questions(requests.PHOTOS_ORIGINAL) == gateway.others.questions(requests.THUMBS_LOCATE) == []


async def test_a_photo_trashed_a_moment_ago_has_no_thumbnail_any_more(gateway, ask, error_of, stored) -> None:
    """Albums may not have heard yet, and thumbs never does."""
    gateway.photos.photos.clear()
    gateway.others.say(requests.ALBUMS_LOCATE, albums.LocatedPhoto(owner_id=OWNER, original=False))
    response = await ask("GET", "/albums/4/photos/1/thumbnail")
    assert (response.status_code, error_of(response)["message"]) == (404, "There is no such photo.")
    assert "ETag" not in response.headers


async def test_originals_that_are_not_shared_are_refused(gateway, ask, error_of, stored) -> None:
    gateway.others.say(requests.ALBUMS_LOCATE, albums.LocatedPhoto(owner_id=OWNER, original=False))
    response = await ask("GET", "/albums/4/photos/1/original")
    assert (response.status_code, error_of(response)["code"]) == (403, "ORIGINALS_NOT_SHARED")
    assert gateway.others.questions(requests.PHOTOS_ORIGINAL) == []
    assert (await ask("GET", "/albums/4/photos/1/thumbnail")).status_code == 200


async def test_a_thumbnail_that_is_not_made_yet(gateway, ask, error_of) -> None:
    gateway.photos.photos = {(OWNER, 1): photo(1)}
    gateway.others.say(requests.ALBUMS_LOCATE, albums.LocatedPhoto(owner_id=OWNER, original=False))
    error = error_of(await ask("GET", "/albums/4/photos/1/thumbnail"))
    assert (error["code"], error["details"]) == ("THUMBNAIL_NOT_READY", {"status": "processed"})


async def test_who_may_only_look_adds_no_batch_either(gateway, ask, error_of) -> None:
    gateway.others.say(requests.ALBUMS_ADD, Forbidden("You may look.", code="VIEWER_ONLY"))
    response = await ask("POST", "/photos/batch-action", {"action": "add_to_album", "photoIds": [1], "albumId": 4})
    assert (response.status_code, error_of(response)["code"]) == (403, "VIEWER_ONLY")


async def test_albums_have_tags_and_conditions_are_passed_on(gateway, ask, error_of) -> None:
    gateway.others.say(requests.ALBUMS_GET, ALBUM)
    tag = (await ask("GET", "/albums/4")).headers["ETag"]
    assert tag == ALBUM.etag == '"3-owner"'
    changes = [
        ("PUT", "/albums/4", {"name": "x"}, requests.ALBUMS_UPDATE),
        ("PUT", "/albums/4/order", {"photoIds": [1]}, requests.ALBUMS_ORDER),
        ("DELETE", "/albums/4", None, requests.ALBUMS_DELETE),
    ]
    for http_method, path, body, method in changes:
        gateway.others.say(method, PreconditionFailed("Changed.", version=4))
        response = await ask(http_method, path, body, **{"If-Match": tag})
        error = error_of(response)
        assert (response.status_code, error["code"], error["details"]) == (412, "VERSION_CONFLICT", {"version": 4})
        [asked] = gateway.others.questions(method)
        assert asked.if_match == tag
    gateway.others.say(requests.ALBUMS_UPDATE, albums.Album(**ALBUM.model_dump()))
    assert (await ask("PUT", "/albums/4", {"name": "x"})).headers["ETag"] == tag
