"""The two clients: `AsyncClient` to be awaited, `Client` for programs that await nothing.

Both send every operation of the interface: ``client.ask(operations.get_photo(5))``. The methods here are what takes
more than that, or is asked all the time. Every method raises ApiError, Unreachable or NotLoggedIn.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx

from mizzap_client import operations, schemas
from mizzap_client.connection import AsyncConnection, Connection
from mizzap_client.models import Session
from mizzap_client.multipart import FileForm
from mizzap_client.operation import Operation

PRECHECK_AT_MOST = 1000
_PAGE = 100
_UPLOAD = ("POST", "/photos/upload")

RenditionSide = Literal[200, 400, 1200]
Purpose = Literal["privacy", "ai", "marketing"]
OnBytes = Callable[[int], None]


def _registration(
    email: str, password: str, full_name: str | None, ai: bool, marketing: bool
) -> Operation[schemas.AnswerSessionAnswer]:
    consents = schemas.GivenConsents(ai=ai, marketing=marketing)
    body = schemas.RegisterBody(
        email=email, password=password, full_name=full_name, privacy_accepted=True, consents=consents
    )
    return operations.register(body)


def _uploaded(response: httpx.Response) -> schemas.UploadResult:
    return schemas.AnswerListUploadResult.model_validate_json(response.content).data[0]


class AsyncClient(AsyncConnection):
    """A user's view of a server: `async with AsyncClient("http://127.0.0.1:8080") as client`."""

    async def register(
        self, email: str, password: str, *, full_name: str | None = None, ai: bool = False, marketing: bool = False
    ) -> Session:
        """Makes an account and logs in. Raises Conflict when the address is taken.

        ``ai`` agrees to AI on the server: without it there are no scores, no moments and no search by likeness.
        """
        answer = await self.ask(_registration(email, password, full_name, ai, marketing))
        return self.adopt_session(Session.of(answer.data))

    async def login(self, email: str, password: str) -> Session:
        """Raises Unauthorized when the two don't fit."""
        answer = await self.ask(operations.login(schemas.LoginBody(email=email, password=password)))
        return self.adopt_session(Session.of(answer.data))

    async def me(self) -> schemas.User:
        return (await self.ask(operations.me())).data

    async def consent(self, purpose: Purpose, granted: bool) -> None:
        """Agrees to a purpose under the newest version of the policy, or takes that back."""
        versions = (await self.ask(operations.list_consents())).data.versions
        body = schemas.ConsentBody(granted=granted, version=versions[-1])
        await self.ask(operations.change_consent(purpose, body))

    async def upload(
        self, path: Path, file_name: str, sha256: str, size: int, on_bytes: OnBytes | None = None
    ) -> schemas.UploadResult:
        """Sends one file; repeating it makes nothing twice. Also raises OSError and FileChanged.

        A refusal of the file comes as Refused, with the code MEDIA_UNSUPPORTED, FILE_EMPTY, HASH_MISMATCH, say.
        """
        form = FileForm(path, file_name, sha256, size, on_bytes)
        return _uploaded(await self.send(*_UPLOAD, headers=form.headers, body=form))

    async def precheck(self, hashes: Iterable[str]) -> dict[str, schemas.KnownHash]:
        """Which of these SHA-256 this user has stored already, 1000 at most."""
        answer = await self.ask(operations.precheck_photos(schemas.PrecheckBody(sha256=list(hashes))))
        return {known.sha256: known for known in answer.data.known}

    async def adopt(self, file_name: str, sha256: str) -> schemas.Adopted:
        """A further photo of bytes that are stored already. Raises NotFound when they aren't."""
        return (await self.ask(operations.adopt_photo(schemas.AdoptBody(file_name=file_name, sha256=sha256)))).data

    def photos(self, **filters: Any) -> AsyncIterator[schemas.Photo]:
        """All of them by id; filters as those of `operations.list_photos`."""
        return self.all(operations.list_photos(limit=_PAGE, sort_by="id", sort_order="asc", **filters))

    def duplicates(self, **filters: Any) -> AsyncIterator[schemas.NamedDuplicate]:
        return self.all(operations.list_duplicates(limit=_PAGE, **filters))

    def groups(self) -> AsyncIterator[schemas.NamedGroup]:
        return self.all(operations.list_duplicate_groups(limit=_PAGE))

    async def moments(self) -> schemas.CuratedSet:
        return (await self.ask(operations.get_moments())).data

    async def changes(self, cursor: str | None = None) -> AsyncIterator[schemas.ChangesAnswer]:
        """What is not as it was at the cursor, bit by bit; keep the last one's cursor for the next time."""
        more = True
        while more:
            answer = await self.ask(operations.list_changes(cursor=cursor))
            yield answer
            cursor, more = answer.cursor, answer.has_more

    async def progress(self) -> schemas.ProgressNow:
        return (await self.ask(operations.get_progress())).data

    async def thumbnail(self, photo_id: int, side: RenditionSide = 200) -> tuple[bytes, str]:
        """A rendition's bytes and MIME type. Raises NotFound while it is not made."""
        response = await self.send("GET", f"/photos/{photo_id}/thumbnail", params={"size": side})
        return response.content, response.headers.get("Content-Type", "image/jpeg")


class Client(Connection):
    """A user's view of a server: `with Client("http://127.0.0.1:8080") as client`."""

    def register(
        self, email: str, password: str, *, full_name: str | None = None, ai: bool = False, marketing: bool = False
    ) -> Session:
        """As `AsyncClient.register`."""
        return self.adopt_session(Session.of(self.ask(_registration(email, password, full_name, ai, marketing)).data))

    def login(self, email: str, password: str) -> Session:
        """Raises Unauthorized when the two don't fit."""
        answer = self.ask(operations.login(schemas.LoginBody(email=email, password=password)))
        return self.adopt_session(Session.of(answer.data))

    def me(self) -> schemas.User:
        return self.ask(operations.me()).data

    def upload(
        self, path: Path, file_name: str, sha256: str, size: int, on_bytes: OnBytes | None = None
    ) -> schemas.UploadResult:
        """As `AsyncClient.upload`."""
        form = FileForm(path, file_name, sha256, size, on_bytes)
        return _uploaded(self.send(*_UPLOAD, headers=form.headers, body=form))

    def photos(self, **filters: Any) -> Iterator[schemas.Photo]:
        """All of them by id; filters as those of `operations.list_photos`."""
        return self.all(operations.list_photos(limit=_PAGE, sort_by="id", sort_order="asc", **filters))

    def duplicates(self, **filters: Any) -> Iterator[schemas.NamedDuplicate]:
        return self.all(operations.list_duplicates(limit=_PAGE, **filters))

    def groups(self) -> Iterator[schemas.NamedGroup]:
        return self.all(operations.list_duplicate_groups(limit=_PAGE))

    def moments(self) -> schemas.CuratedSet:
        return self.ask(operations.get_moments()).data

    def changes(self, cursor: str | None = None) -> Iterator[schemas.ChangesAnswer]:
        """As `AsyncClient.changes`."""
        more = True
        while more:
            answer = self.ask(operations.list_changes(cursor=cursor))
            yield answer
            cursor, more = answer.cursor, answer.has_more
