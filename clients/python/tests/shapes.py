"""What the interface answers with, whole: a test names only what it is about."""

from typing import Any

from mizzap_client import schemas

USER: dict[str, Any] = {
    "id": 1, "email": "camille@example.com", "username": None, "fullName": None, "country": "FR", "privacyAccepted": True,
    "tier": "free", "createdAt": "2025-10-23T10:00:00Z",
}  # fmt: skip
PHOTO: dict[str, Any] = {
    "id": 1, "fileName": "a.jpg", "fileSize": 1, "mimeType": "image/jpeg", "sha256": "0" * 64, "md5": "0" * 32,
    "perceptualHash": None, "status": "uploaded", "error": None, "width": None, "height": None, "createdDate": None,
    "takenAt": None, "cameraModel": None, "latitude": None, "longitude": None, "hasDuplicates": False,
    "duplicateCount": 0, "qualityScore": None, "thumbnailUrl": "/api/v1/photos/1/thumbnail",
    "uploadedAt": "2025-10-23T10:00:00Z", "processedAt": None,
}  # fmt: skip


def session(number: int) -> dict[str, Any]:
    tokens = {"accessToken": f"access-{number}", "refreshToken": f"refresh-{number}"}
    return {"user": USER, **tokens, "tokenType": "Bearer", "expiresIn": 3600, "refreshExpiresIn": 2_592_000}


def photo(number: int, name: str, status: str = "processed", **more: Any) -> schemas.Photo:
    fields = {"id": number, "fileName": name, "fileSize": 1_200_000, "sha256": f"{number:064x}", "status": status}
    return schemas.Photo.model_validate({**PHOTO, **fields, "width": 4000, "height": 3000, **more})


def pair(keeper: int, duplicate: int, lane: str, reasons: list[str]) -> schemas.NamedDuplicate:
    named = {"id": keeper, "primaryPhotoId": keeper, "duplicatePhotoId": duplicate, "lane": lane, "reasons": reasons}
    found = {"matchType": "exact", "similarityScore": 1.0, "action": "pending", "actionDate": None}
    shown = {"createdAt": "2025-10-23T10:00:00Z", "primaryPhoto": None, "duplicatePhoto": None}
    return schemas.NamedDuplicate.model_validate({**named, **found, **shown})


def group(lane: str, members: list[int], reasons: list[str]) -> schemas.NamedGroup:
    """The keeper is the first."""
    fields = {"lane": lane, "keeper": members[0], "members": members, "reasons": reasons, "photos": []}
    return schemas.NamedGroup.model_validate(fields)


def moments(*chosen: schemas.Moment, photos: int = 0) -> schemas.CuratedSet:
    fields = {"id": 1 if chosen else None, "status": "suggested", "photos": photos, "upToDate": True, "updatedAt": None}
    return schemas.CuratedSet.model_validate({**fields, "moments": [one.model_dump() for one in chosen]})


def moment(number: int, score: float, *reasons: str) -> schemas.Moment:
    return schemas.Moment.model_validate({"photoId": number, "score": score, "reasons": list(reasons), "pinned": False})
