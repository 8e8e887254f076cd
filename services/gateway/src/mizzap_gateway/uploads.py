"""Uploads: each file of a form is stored, proven by its hash and registered, one after another.

Bytes first, registration second: a photo counts only when its bytes are safely stored. What was stored and not
registered is swept up by the photos service.
"""

from collections.abc import AsyncIterator
from typing import Any, BinaryIO, Literal, cast
from uuid import uuid4

import structlog
from mizzap_common.bus import Bus
from mizzap_common.contracts import keeping, library, requests
from mizzap_common.contracts.message import Message
from mizzap_common.errors import InvalidInput, MizzapError, Unavailable, Unprocessable, Unsupported
from mizzap_common.imaging import kinds
from mizzap_common.storage import STORE_ERRORS, Storage, original_key
from pydantic import TypeAdapter, ValidationError

from mizzap_gateway.form import BrokenForm, Form, Part
from mizzap_gateway.reader import HashingReader
from mizzap_gateway.settings import GatewaySettings
from mizzap_gateway.turns import Turns

_FILE_NAME: TypeAdapter[str] = TypeAdapter(library.FileName)
_SHA256: TypeAdapter[str] = TypeAdapter(library.Sha256)

log = structlog.get_logger(__name__)


class UploadError(Message):
    code: str
    message: str
    details: dict[str, Any]


class UploadResult(Message):
    """What became of one file of an upload."""

    file_name: str
    status: Literal["stored", "known", "failed"]
    """``known``: this very file under this very name was there already, nothing new was made."""
    photo: library.Photo | None
    error: UploadError | None


class Uploads:
    """Takes forms full of photos."""

    def __init__(self, storage: Storage, bus: Bus, settings: GatewaySettings) -> None:
        self._storage = storage
        self._bus = bus
        self._settings = settings
        self._turns = Turns(settings.uploads_at_once, settings.uploads_per_user, settings.upload_wait_seconds)

    async def take(self, user_id: int, content_type: str, body: AsyncIterator[bytes]) -> list[UploadResult]:
        """One result per file, in the form's order; at least one file was stored or known.

        Raises the first file's own error when every file failed, and InvalidInput when the form can't be read to its
        end; ``details["files"]`` then holds the results there are.
        """
        results: list[UploadResult] = []
        errors: list[MizzapError] = []
        try:
            form = Form(content_type, body, self._settings.upload_idle_seconds, self._settings.upload_least_rate)
            async for name, expected, part in self._files(form):
                try:
                    results.append(await self._file(user_id, name, expected, part))
                except MizzapError as error:
                    errors.append(error)
                    results.append(_failed(name, error))
        except BrokenForm as error:
            raise InvalidInput(str(error), files=_as_json(results)) from error
        if not results:
            raise InvalidInput("The form has no file.", files=[])
        if len(errors) == len(results):
            first = errors[0]
            raise type(first)(first.message, code=first.code, **{**first.details, "files": _as_json(results)})
        return results

    async def _files(self, form: Form) -> AsyncIterator[tuple[str, str | None, Part]]:
        """(file name, announced hash, part) for every part that is a file."""
        announced = None
        count = 0
        async for part in form.parts():
            if part.filename is None:
                if part.name != "sha256":
                    raise BrokenForm("A form has files, and before each of them perhaps a field sha256.")
                announced = (await part.text()).lower()
                continue
            count += 1
            if count > self._settings.max_files:
                raise BrokenForm(f"A form can have at most {self._settings.max_files} files.")
            yield part.filename, announced, part
            announced = None

    async def _file(self, user_id: int, name: str, expected: str | None, part: Part) -> UploadResult:
        _check(_FILE_NAME, "fileName", name)
        if expected is not None:
            _check(_SHA256, "sha256", expected)
        head = await part.read(kinds.HEAD_BYTES)
        if not head:
            raise Unprocessable("The file is empty.", code="FILE_EMPTY")
        mime_type = kinds.sniff(head)
        if mime_type is None:
            raise Unsupported(kinds.refusal(head))
        part.put_back(head)
        room = await self._room(user_id, expected)
        reader = HashingReader(part.read, self._settings.max_upload_bytes, expected, room)
        async with self._turns.one(user_id):
            try:
                await self._store(user_id, reader, mime_type, expected)
            except STORE_ERRORS as error:
                log.warning("the store does not take a photo", reason=repr(error))
                raise Unavailable("The photo could not be stored right now. Please try again.") from error
        registered = await self._bus.ask(
            requests.PHOTOS_REGISTER,
            library.RegisterPhoto(
                user_id=user_id,
                file_name=name,
                sha256=reader.sha256,
                md5=reader.md5,
                mime_type=mime_type,
                size_bytes=reader.size,
            ),
        )
        status: Literal["stored", "known"] = "stored" if registered.created else "known"
        return UploadResult(file_name=name, status=status, photo=registered.photo, error=None)

    async def _room(self, user_id: int, expected: str | None) -> int | None:
        """How large the file may be to fit into its user's storage; its registration decides.

        Without an announced hash nobody knows whether the bytes are stored already and need no room.
        """
        if expected is None:
            return None
        question = keeping.RoomRequest(user_id=user_id, sha256=expected)
        return (await self._bus.ask(requests.PHOTOS_ROOM, question)).free_bytes

    async def _store(self, user_id: int, reader: HashingReader, mime_type: str, expected: str | None) -> None:
        stream = cast(BinaryIO, reader)
        if expected is not None:
            await self._storage.put_stream(original_key(user_id, expected), stream, mime_type)
            return
        staged = f"user-{user_id}/incoming/{uuid4()}"
        await self._storage.put_stream(staged, stream, mime_type)
        try:
            await self._storage.copy(staged, original_key(user_id, reader.sha256))
        finally:
            await self._storage.remove(staged)


def _check(kind: TypeAdapter[str], field: str, value: str) -> None:
    try:
        kind.validate_python(value)
    except ValidationError as error:
        raise InvalidInput(f"{field}: {error.errors()[0]['msg']}", field=field) from error


def _failed(name: str, error: MizzapError) -> UploadResult:
    problem = UploadError(code=error.code, message=error.message, details=error.details)
    return UploadResult(file_name=name, status="failed", photo=None, error=problem)


def _as_json(results: list[UploadResult]) -> list[dict[str, Any]]:
    return [result.model_dump(mode="json", by_alias=True) for result in results]
