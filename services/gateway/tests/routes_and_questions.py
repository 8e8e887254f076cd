"""Every route that asks another service one question: what it asks, and what it answers."""

from datetime import UTC, date, datetime
from typing import Any

from mizzap_common.contracts import (
    accounts,
    albums,
    audit,
    consents,
    curating,
    duplicating,
    families,
    keeping,
    library,
    ordering,
    requests,
)

NOW = datetime(2025, 10, 23, 10, tzinfo=UTC)
USER = accounts.User(
    id=5, email="u@mizzap.test", username=None, full_name=None, country="FR", privacy_accepted=False, created_at=NOW
)
SESSION = accounts.Session(user=USER, access_token="a", refresh_token="r", expires_in=3600, refresh_expires_in=86400)
SESSION_SHOWN = accounts.SessionShown(
    id=1, device_name="Firefox on Linux", created_at=NOW, last_used_at=NOW, current=True
)  # fmt: skip
PHOTO = library.Photo(
    id=123, file_name="IMG_001.jpg", file_size=2048576, mime_type="image/jpeg", sha256="0" * 64, md5="0" * 32,
    perceptual_hash=None, status="processed", error=None, width=1920, height=1080, created_date=NOW.date(),
    taken_at=None, camera_model=None, latitude=None, longitude=None, has_duplicates=True, duplicate_count=2,
    quality_score=0.85, thumbnail_url="/api/v1/photos/123/thumbnail", uploaded_at=NOW, processed_at=NOW,
)  # fmt: skip
ALBUM: dict[str, Any] = {
    "id": 4, "name": "Été", "description": None, "cover_photo_id": None, "visibility": "private", "photo_count": 2,
    "owner_id": 5, "role": "owner", "version": 3, "created_at": NOW, "updated_at": NOW,
}  # fmt: skip
SHARE = albums.Share(family_id=8, visibility="family", originals=False, created_at=NOW)
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
BULK_ID = "6f1ff0f2-3f5c-4a55-9a3c-1b6a1b0d7c11"
OUTCOME = duplicating.BulkOutcome(
    bulk_action_id=BULK_ID,  # type: ignore[arg-type]
    results=[duplicating.ActionResult(id=456, before="pending", action="confirmed", changed=True)],
)
ORDER = ordering.Order(
    id=7, partner="memopyk", status="placed", title="Été", music=None, seconds=60, instructions=None, style=None,
    photo_ids=[123], progress=None, message=None, delivery_url=None, error=None, links_expire_at=NOW, created_at=NOW,
    updated_at=NOW, partner_consent=ordering.PartnerConsent(version="1", given_at=NOW, withdrawn_at=None),
)  # fmt: skip
RESULTS = keeping.BatchResults(results=[keeping.ItemResult(photo_id=1, result="changed")])
GROUP = duplicating.Group(lane="near", keeper=123, members=[123, 124], reasons=["Larger."])

CONSENT = consents.Consent(purpose="ai", granted=False, version="1", at=NOW)
AUDIT_ENTRY = audit.AuditEntry(seq=1, at=NOW, action="photo.deleted", about="photo/123", hash="0" * 64)
FAMILY = families.FamilyWithMembers(id=3, name="Nous", role="owner", member_count=1, created_at=NOW, members=[])
INVITATION: dict[str, Any] = {
    "id": 8, "role": "viewer", "bound_to_address": False, "created_at": NOW, "expires_at": NOW,
}  # fmt: skip
CREDENTIALS = {"email": "u@mizzap.test", "password": "correct horse"}
SHA = "ab" * 32
RENDITION = library.StoredObject(object_key="k", mime_type="image/jpeg", size_bytes=1, etag="e")

# name, method, path, body, the question that it asks (without the user), the other service's answer, status
ROUTES: list[tuple[str, str, Any, requests.Method[Any, Any], dict[str, Any], Any, int]] = [
    ("POST", "/auth/register", {**CREDENTIALS, "fullName": "U"}, requests.AUTH_REGISTER, {"full_name": "U"}, SESSION, 201),
    ("POST", "/auth/login", CREDENTIALS, requests.AUTH_LOGIN, {"email": "u@mizzap.test"}, SESSION, 200),
    ("POST", "/auth/refresh", {"refreshToken": "r"}, requests.AUTH_REFRESH, {"refresh_token": "r"}, SESSION, 200),
    ("GET", "/auth/me", None, requests.AUTH_ME, {}, USER, 200),
    ("GET", "/auth/consents", None, requests.AUTH_CONSENTS, {},
     consents.Consents(versions=["1"], current=[CONSENT], history=[]), 200),
    ("PUT", "/auth/consents/ai", {"granted": False, "version": "1"}, requests.AUTH_CHANGE_CONSENT,
     {"purpose": "ai", "granted": False, "version": "1"}, CONSENT, 200),
    ("GET", "/auth/audit?page=2&limit=5", None, requests.AUTH_AUDIT, {"page": 2, "limit": 5},
     audit.AuditPage(entries=[AUDIT_ENTRY], total=6), 200),
    ("POST", "/families", {"name": " Nous "}, requests.AUTH_CREATE_FAMILY, {"name": "Nous"}, FAMILY, 201),
    ("GET", "/families", None, requests.AUTH_FAMILIES, {}, families.Families(families=[FAMILY]), 200),
    ("GET", "/families/3", None, requests.AUTH_FAMILY, {"family_id": 3}, FAMILY, 200),
    ("PUT", "/families/3", {"name": "Nous"}, requests.AUTH_RENAME_FAMILY, {"family_id": 3, "name": "Nous"}, FAMILY, 200),
    ("DELETE", "/families/3", None, requests.AUTH_DELETE_FAMILY, {"family_id": 3}, library.Done(), 200),
    ("POST", "/families/3/invitations", {"role": "viewer"}, requests.AUTH_INVITE,
     {"family_id": 3, "role": "viewer", "email": None}, families.NewInvitation(token="t", **INVITATION), 201),
    ("GET", "/families/3/invitations", None, requests.AUTH_INVITATIONS, {"family_id": 3},
     families.Invitations(invitations=[families.Invitation(**INVITATION)]), 200),
    ("DELETE", "/families/3/invitations/8", None, requests.AUTH_WITHDRAW_INVITATION,
     {"family_id": 3, "invitation_id": 8}, library.Done(), 200),
    ("POST", "/families/accept", {"token": "t"}, requests.AUTH_ACCEPT, {"token": "t"}, FAMILY, 200),
    ("PUT", "/families/3/members/9", {"role": "owner"}, requests.AUTH_CHANGE_ROLE,
     {"family_id": 3, "member_id": 9, "role": "owner"}, FAMILY, 200),
    ("DELETE", "/families/3/members/9", None, requests.AUTH_REMOVE_MEMBER, {"family_id": 3, "member_id": 9},
     library.Done(), 200),
    ("POST", "/auth/logout", None, requests.AUTH_END_SESSION, {"session_id": 1}, accounts.EndedSessions(session_ids=[]), 200),
    ("PUT", "/auth/profile", {"fullName": "V"}, requests.AUTH_UPDATE_PROFILE, {"full_name": "V", "username": None}, USER, 200),
    ("POST", "/auth/password", {"currentPassword": "a", "newPassword": "b"}, requests.AUTH_CHANGE_PASSWORD,
     {"session_id": 1}, accounts.EndedSessions(session_ids=[2]), 200),
    ("GET", "/auth/sessions?limit=5", None, requests.AUTH_SESSIONS, {"session_id": 1, "limit": 5},
     accounts.SessionPage(sessions=[SESSION_SHOWN], total=1), 200),
    ("DELETE", "/auth/sessions/7", None, requests.AUTH_END_SESSION, {"session_id": 7}, accounts.EndedSessions(session_ids=[7]), 200),
    ("DELETE", "/auth/sessions", None, requests.AUTH_END_OTHERS, {"session_id": 1}, accounts.EndedSessions(session_ids=[7]), 200),
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
     "&hasDuplicates=true&favourite=false&q=%C3%A9t%C3%A9%20paris", None, requests.PHOTOS_LIST,
     {"date_from": date(2024, 1, 2), "date_to": date(2024, 2, 3), "min_quality": 0.5, "max_quality": 1.0,
      "media_type": "photo", "camera": "canon", "has_duplicates": True, "favourite": False, "q": "été paris", "album_photo_ids": None},
     library.PhotoPage(photos=[PHOTO], total=1), 200),
    ("GET", "/photos/123", None, requests.PHOTOS_GET, {"photo_id": 123}, PHOTO, 200),
    ("DELETE", "/photos/123", None, requests.PHOTOS_DELETE, {"photo_id": 123, "permanent": False}, library.Done(), 200),
    ("DELETE", "/photos/123?permanent=true", None, requests.PHOTOS_DELETE, {"photo_id": 123, "permanent": True},
     library.Done(), 200),
    ("GET", "/photos/trash?page=2&limit=50", None, requests.PHOTOS_TRASH, {"page": 2, "limit": 50},
     keeping.TrashPage(photos=[keeping.TrashedPhoto(**PHOTO.model_dump(), trashed_at=NOW, deleted_after=NOW)], total=70),
     200),
    ("POST", "/photos/123/restore", None, requests.PHOTOS_RESTORE, {"photo_id": 123}, PHOTO, 200),
    ("PUT", "/photos/123/favourite", {"favourite": True}, requests.PHOTOS_FAVOURITE,
     {"photo_id": 123, "favourite": True}, PHOTO, 200),
    ("POST", "/photos/batch-action", {"action": "delete", "photoIds": [1, 2]}, requests.PHOTOS_BATCH,
     {"action": "delete", "photo_ids": [1, 2]}, RESULTS, 200),
    ("POST", "/photos/batch-action", {"action": "add_to_album", "photoIds": [1, 2], "albumId": 4}, requests.ALBUMS_ADD,
     {"album_id": 4, "photo_ids": [1, 2]}, albums.AddedToAlbum(**ALBUM, added=[2]), 200),
    ("GET", "/photos/usage", None, requests.PHOTOS_USAGE, {},
     keeping.Usage(tier="free", used_bytes=1, limit_bytes=10, photos=1, trash=0), 200),
    ("POST", "/albums", {"name": " Été "}, requests.ALBUMS_CREATE, {"name": "Été"}, albums.Album(**ALBUM), 201),
    ("GET", "/albums", None, requests.ALBUMS_LIST, {"page": 1, "limit": 20},
     albums.AlbumPage(albums=[albums.Album(**ALBUM)], total=1), 200),
    ("GET", "/albums/4", None, requests.ALBUMS_GET, {"album_id": 4}, albums.AlbumWithPhotos(**ALBUM, photo_ids=[2, 1]), 200),
    ("PUT", "/albums/4", {"coverPhotoId": 9}, requests.ALBUMS_UPDATE, {"album_id": 4, "cover_photo_id": 9, "name": None},
     albums.Album(**ALBUM), 200),
    ("PUT", "/albums/4", {"coverPhotoId": None}, requests.ALBUMS_UPDATE, {"clear_cover": True, "cover_photo_id": None},
     albums.Album(**ALBUM), 200),
    ("PUT", "/albums/4", {"name": "x"}, requests.ALBUMS_UPDATE, {"clear_cover": False, "if_match": None}, albums.Album(**ALBUM), 200),
    ("GET", "/albums?shared=true", None, requests.ALBUMS_LIST, {"shared": True}, albums.AlbumPage(albums=[], total=0), 200),
    ("DELETE", "/albums/4", None, requests.ALBUMS_DELETE, {"album_id": 4}, library.Done(), 200),
    ("GET", "/albums/4/photos?page=2&limit=5", None, requests.ALBUMS_PHOTOS, {"album_id": 4, "page": 2, "limit": 5},
     albums.AlbumPhotoPage(photos=[], total=0), 200),
    ("POST", "/albums/4/photos/remove", {"photoIds": [1, 2]}, requests.ALBUMS_REMOVE_MANY, {"photo_ids": [1, 2]},
     albums.Album(**ALBUM), 200),
    ("PUT", "/albums/4/order", {"moves": [{"photoId": 1, "after": None}]}, requests.ALBUMS_ORDER,
     {"moves": [albums.Move(photo_id=1, after=None)], "photo_ids": None}, albums.Album(**ALBUM), 200),
    ("PUT", "/albums/4/order", {"photoIds": [2, 1]}, requests.ALBUMS_ORDER, {"moves": None, "photo_ids": [2, 1]},
     albums.Album(**ALBUM), 200),
    ("POST", "/albums/4/shares", {"familyId": 8}, requests.ALBUMS_SHARE,
     {"family_id": 8, "visibility": "family", "originals": False}, albums.PutShare(share=SHARE, created=True), 201),
    ("POST", "/albums/4/shares", {"familyId": 8, "visibility": "private", "originals": True}, requests.ALBUMS_SHARE,
     {"visibility": "private", "originals": True}, albums.PutShare(share=SHARE, created=False), 200),
    ("GET", "/albums/4/shares", None, requests.ALBUMS_SHARES, {"album_id": 4}, albums.Shares(shares=[SHARE]), 200),
    ("DELETE", "/albums/4/shares/8", None, requests.ALBUMS_UNSHARE, {"album_id": 4, "family_id": 8}, library.Done(), 200),
    ("POST", "/albums/4/photos", {"photoIds": [1, 2]}, requests.ALBUMS_ADD, {"photo_ids": [1, 2]},
     albums.AddedToAlbum(**ALBUM, added=[1, 2]), 200),
    ("DELETE", "/albums/4/photos/7", None, requests.ALBUMS_REMOVE, {"album_id": 4, "photo_id": 7}, albums.Album(**ALBUM), 200),
    ("GET", "/duplicates/groups?lane=near&action=pending", None, requests.DEDUP_GROUPS,
     {"page": 1, "lane": "near", "action": "pending"}, duplicating.GroupPage(groups=[GROUP], total=1), 200),
    ("POST", "/duplicates/bulk-action", {"ids": [456], "action": "confirmed"}, requests.DEDUP_ACT_ON_MANY,
     {"ids": [456], "group_keeper": None, "action": "confirmed"}, OUTCOME, 200),
    ("POST", "/duplicates/bulk-action", {"groupKeeper": {"photoId": 5, "similar": True}, "action": "rejected"},
     requests.DEDUP_ACT_ON_MANY, {"ids": None, "group_keeper": duplicating.GroupKeeper(photo_id=5, similar=True)},
     OUTCOME, 200),
    ("POST", f"/duplicates/bulk-action/{BULK_ID}/undo", None, requests.DEDUP_UNDO_BULK, {}, OUTCOME, 200),
    ("POST", "/duplicates/456/undo", None, requests.DEDUP_UNDO, {"duplicate_id": 456}, DUPLICATE, 200),
    ("GET", "/search?text=%20red%20kitten&limit=5", None, requests.DEDUP_SEARCH_TEXT, {"text": "red kitten", "limit": 5},
     duplicating.Ranking(model_id="clip", hits=[]), 200),
    ("POST", "/integrations/memopyk/create-film", {"title": " Été ", "photoIds": [123], "partnerConsent": True},
     requests.CURATION_ORDER_FILM, {"title": "Été", "photo_ids": [123], "partner_consent": True, "seconds": 60}, ORDER, 201),
    ("POST", "/integrations/photall/send-for-retouch", {"instructions": "Brighter"},
     requests.CURATION_ORDER_RETOUCH, {"instructions": "Brighter", "photo_ids": None, "partner_consent": False}, ORDER, 201),
    ("GET", "/integrations/status?limit=5", None, requests.CURATION_INTEGRATIONS, {"page": 1, "limit": 5},
     ordering.Integrations(partners=[], orders=[ORDER], total=1), 200),
    ("GET", "/integrations/orders/7", None, requests.CURATION_ORDER, {"order_id": 7}, ORDER, 200),
    ("POST", "/integrations/orders/7/cancel", None, requests.CURATION_CANCEL_ORDER, {"order_id": 7}, ORDER, 200),
    ("GET", "/duplicates/stats", None, requests.DEDUP_STATS, {}, STATS, 200),
    ("POST", "/duplicates/456/action", {"action": "rejected"}, requests.DEDUP_ACT,
     {"duplicate_id": 456, "action": "rejected"}, DUPLICATE, 200),
    ("GET", "/curation/moments", None, requests.CURATION_MOMENTS, {}, MOMENTS, 200),
    ("POST", "/curation/moments/confirm", None, requests.CURATION_CONFIRM, {}, MOMENTS, 200),
    ("PUT", "/curation/moments", {"add": [1], "remove": [2]}, requests.CURATION_CHANGE,
     {"add": [1], "remove": [2], "order": None}, MOMENTS, 200),
    ("GET", "/jobs?photoId=123&status=failed", None, requests.PHOTOS_JOBS, {"photo_id": 123, "status": "failed"},
     library.JobPage(jobs=[JOB], total=1), 200),
    ("POST", "/jobs/1/retry", None, requests.PHOTOS_RETRY_JOB, {"job_id": 1}, JOB, 200),
    ("GET", "/jobs/progress", None, requests.PHOTOS_PROGRESS, {},
     library.Progress(photos=3, stored=2, processed=1, failed=0, pending=2), 200),
    ("GET", "/model", None, requests.DEDUP_MODEL, {}, duplicating.Model(id="tower", dimensions=1280), 200),
]  # fmt: skip
_OPEN = ("/auth/register", "/auth/login", "/auth/refresh")
