"""The public API, a method a call. Every method raises ApiError, Unreachable or NotLoggedIn."""

from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

from mizzap_client import models
from mizzap_client.connection import Connection
from mizzap_client.multipart import FileForm

M = TypeVar("M", bound=models.Model)
PRECHECK_AT_MOST = 1000
_PAGE = 100

RenditionSide = Literal[200, 400, 1200]


class Client(Connection):
    """A user's view of a server: `async with Client("http://127.0.0.1:8000") as client`."""

    async def register(
        self, email: str, password: str, *, full_name: str | None = None, ai: bool = False, marketing: bool = False
    ) -> models.Session:
        """Makes an account and logs in. Raises Conflict when the address is taken.

        ``ai`` agrees to AI on the server: without it there are no scores, no moments and no search by likeness.
        """
        consents = {"ai": ai, "marketing": marketing}
        wanted = {
            "email": email, "password": password, "fullName": full_name, "privacyAccepted": True, "consents": consents,
        }  # fmt: skip
        answer = await self.call("POST", "/auth/register", signed=False, json=wanted)
        return self.adopt_session(models.Session.model_validate(answer["data"]))

    async def login(self, email: str, password: str) -> models.Session:
        """Raises Unauthorized when the two don't fit."""
        credentials = {"email": email, "password": password}
        answer = await self.call("POST", "/auth/login", signed=False, json=credentials)
        return self.adopt_session(models.Session.model_validate(answer["data"]))

    async def consent(self, purpose: Literal["privacy", "ai", "marketing"], granted: bool) -> None:
        """Agrees to a purpose under the newest version of the policy, or takes that back."""
        versions = (await self.call("GET", "/auth/consents"))["data"]["versions"]
        await self.call("PUT", f"/auth/consents/{purpose}", json={"granted": granted, "version": versions[-1]})

    async def me(self) -> models.User:
        return await self._one(models.User, "/auth/me")

    async def upload(
        self, path: Path, file_name: str, sha256: str, size: int, on_bytes: Callable[[int], None] | None = None
    ) -> models.UploadResult:
        """Sends one file; repeating it makes nothing twice. Also raises OSError and FileChanged.

        A refusal of the file comes as Refused, with the code MEDIA_UNSUPPORTED, FILE_EMPTY, HASH_MISMATCH, say.
        """
        form = FileForm(path, file_name, sha256, size, on_bytes)
        answer = await self.call("POST", "/photos/upload", headers=form.headers, body=form.body)
        return models.UploadResult.model_validate(answer["data"][0])

    async def precheck(self, hashes: Iterable[str]) -> dict[str, models.KnownHash]:
        """Which of these SHA-256 this user has stored already, 1000 at most."""
        answer = await self.call("POST", "/photos/precheck", json={"sha256": list(hashes)})
        return {known.sha256: known for known in models.KnownHashes.model_validate(answer["data"]).known}

    async def adopt(self, file_name: str, sha256: str) -> models.Adopted:
        """A further photo of bytes that are stored already. Raises NotFound when they aren't."""
        answer = await self.call("POST", "/photos/adopt", json={"fileName": file_name, "sha256": sha256})
        return models.Adopted.model_validate(answer["data"])

    def photos(self, **filters: Any) -> AsyncIterator[models.Photo]:
        """All of them by id; filters as in the API (status=…)."""
        return self._all(models.Photo, "/photos", {"sortBy": "id", "sortOrder": "asc"} | filters)

    def duplicates(self, **filters: Any) -> AsyncIterator[models.Duplicate]:
        return self._all(models.Duplicate, "/duplicates", filters)

    def groups(self) -> AsyncIterator[models.Group]:
        return self._all(models.Group, "/duplicates/groups", {})

    def jobs(self, **filters: Any) -> AsyncIterator[models.Job]:
        return self._all(models.Job, "/jobs", filters)

    async def duplicate_stats(self) -> models.DuplicateStats:
        return await self._one(models.DuplicateStats, "/duplicates/stats")

    async def moments(self) -> models.CuratedSet:
        return await self._one(models.CuratedSet, "/curation/moments")

    async def progress(self) -> models.Progress:
        return await self._one(models.Progress, "/jobs/progress")

    async def model(self) -> models.EmbeddingModel:
        return await self._one(models.EmbeddingModel, "/model")

    async def thumbnail(self, photo_id: int, side: RenditionSide = 200) -> tuple[bytes, str]:
        """A rendition's bytes and MIME type. Raises NotFound while it is not made."""
        response = await self.send("GET", f"/photos/{photo_id}/thumbnail", params={"size": side})
        return response.content, response.headers.get("Content-Type", "image/jpeg")

    async def _one(self, kind: type[M], path: str) -> M:
        answer = await self.call("GET", path)
        return kind.model_validate(answer["data"])

    async def _all(self, kind: type[M], path: str, filters: dict[str, Any]) -> AsyncIterator[M]:
        number = 1
        while True:
            answer = await self.call("GET", path, params={**filters, "page": number, "limit": _PAGE})
            for item in answer["data"]:
                yield kind.model_validate(item)
            if not models.Pagination.model_validate(answer["pagination"]).has_more:
                return
            number += 1
