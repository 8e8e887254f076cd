"""The file of an export, made while it is stored: a ZIP, nothing compressed (photos are), never whole in memory.

``account.json``, ``photos.jsonl`` and the other services' files, ``originals/{sha256}.{extension}`` once each, and
``manifest.json``, which says what there is.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from minio.error import S3Error
from mizzap_common.bus import Bus
from mizzap_common.contracts import exporting, requests
from mizzap_common.contracts.requests import Method
from mizzap_common.imaging.kinds import EXTENSIONS
from mizzap_common.storage import Storage, original_key
from zipstream import ZipStream

T = TypeVar("T")
FORMAT, VERSION = "mizzap-export", 1
SOURCES = (
    requests.AUTH_EXPORT,
    requests.PHOTOS_EXPORT,
    requests.ALBUMS_EXPORT,
    requests.DEDUP_EXPORT,
    requests.CURATION_EXPORT,
)
_PHOTOS = "photos.jsonl"
_CHUNK = 1 << 18
_ANSWER_SECONDS = 60.0
_REPORT_SECONDS = 1.0

Report = Callable[[int, int, int], Coroutine[Any, Any, bool]]
"""Is told (photos done, photos in all, bytes of originals); False ends the building."""


class GivenUp(Exception):
    """Nobody waits for this export any more."""


@dataclass
class _Originals:
    """What photos.jsonl names: the photos of each original, and its type."""

    photos: dict[str, int] = field(default_factory=dict)
    mime_types: dict[str, str] = field(default_factory=dict)

    def note(self, photo: dict[str, Any]) -> None:
        self.photos[photo["sha256"]] = self.photos.get(photo["sha256"], 0) + 1
        self.mime_types[photo["sha256"]] = photo["mimeType"]


class Archive:
    """What the store reads from, in its own thread; questions to the services run in the loop that made this.

    ``read`` raises GivenUp, MizzapError, and what the store raises: each aborts the upload before anything appears.
    """

    def __init__(self, user_id: int, bus: Bus, storage: Storage, report: Report, now: datetime) -> None:
        self.size = 0
        self._user_id = user_id
        self._bus = bus
        self._storage = storage
        self._report = report
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._sha256 = hashlib.sha256()
        self._originals = _Originals()
        self._files: dict[str, dict[str, Any]] = {}
        self._missing: list[str] = []
        self._damaged: list[str] = []
        self._photos_done = 0
        self._bytes_done = 0
        self._reported_at = time.monotonic()
        self._abandoned = False
        self._rest = b""
        self._chunks = self._make()

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def abandon(self) -> None:
        """Ends the building at the next chunk."""
        self._abandoned = True

    def read(self, size: int) -> bytes:
        taken, length = [self._rest], len(self._rest)
        while length < size and (chunk := next(self._chunks, b"")):
            taken.append(chunk)
            length += len(chunk)
        data = b"".join(taken)
        data, self._rest = data[:size], data[size:]
        self.size += len(data)
        self._sha256.update(data)
        return data

    def _make(self) -> Iterator[bytes]:
        for chunk in self._parts():
            if chunk:  # an empty one would look like the end
                self._tell()
                yield chunk

    def _parts(self) -> Iterator[bytes]:
        archive = ZipStream()
        for source in SOURCES:
            pages = _Pages(lambda cursor, source=source: self._ask(source, cursor))  # type: ignore[misc]
            while (name := pages.file) is not None:
                archive.add(self._lines(name, pages.items_of(name)), name)
                yield from archive.all_files()
        for sha256 in self._originals.photos:
            if (content := self._original(sha256)) is None:
                self._missing.append(sha256)
            else:
                extension = EXTENSIONS.get(self._originals.mime_types[sha256], "bin")
                archive.add(content, f"originals/{sha256}.{extension}")
                yield from archive.all_files()
            self._photos_done += self._originals.photos[sha256]
        archive.add(self._manifest(), "manifest.json")
        yield from archive.finalize()

    def _lines(self, name: str, items: Iterator[dict[str, Any]]) -> Iterator[bytes]:
        listed = name.endswith(".json")
        digest, count = hashlib.sha256(), 0

        def pieces() -> Iterator[str]:
            nonlocal count
            yield "[\n" if listed else ""
            for item in items:
                text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
                yield (",\n" if listed and count else "") + text + ("" if listed else "\n")
                count += 1
                if name == _PHOTOS:
                    self._originals.note(item)
            yield "\n]\n" if listed else ""

        for piece in pieces():
            # a name may hold half of a surrogate pair, which no UTF-8 can
            data = piece.encode("utf-8", "surrogatepass")
            digest.update(data)
            yield data
        self._files[name] = {"items": count, "sha256": digest.hexdigest()}

    def _original(self, sha256: str) -> Iterator[bytes] | None:
        """None when it is gone: its photo was deleted while the export was being built."""
        try:
            response = self._storage.client.get_object(self._storage.bucket, original_key(self._user_id, sha256))
        except S3Error as error:
            if error.code in ("NoSuchKey", "NoSuchObject", "NotFound"):
                return None
            raise

        def content() -> Iterator[bytes]:
            digest = hashlib.sha256()
            try:
                while chunk := response.read(_CHUNK):
                    digest.update(chunk)
                    self._bytes_done += len(chunk)
                    yield chunk
            finally:
                response.close()
                response.release_conn()
            if digest.hexdigest() != sha256:
                self._damaged.append(sha256)

        return content()

    def _manifest(self) -> bytes:
        content = {
            "format": FORMAT,
            "version": VERSION,
            "createdAt": self._now.isoformat(),
            "files": self._files,
            "originals": {
                "count": len(self._originals.photos) - len(self._missing),
                "bytes": self._bytes_done,
                "missing": self._missing,
                "damaged": self._damaged,
            },
        }
        return json.dumps(content, indent=2).encode()

    def _ask(self, source: Method[Any, exporting.ExportPage], cursor: str | None) -> exporting.ExportPage:
        return self._in_loop(self._bus.ask(source, exporting.ExportPageRequest(user_id=self._user_id, cursor=cursor)))

    def _tell(self) -> None:
        if self._abandoned:
            raise GivenUp
        if time.monotonic() - self._reported_at < _REPORT_SECONDS:
            return
        photos = sum(self._originals.photos.values())
        if not self._in_loop(self._report(self._photos_done, photos, self._bytes_done)):
            raise GivenUp
        self._reported_at = time.monotonic()

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_SECONDS)

    @property
    def photos(self) -> int:
        return sum(self._originals.photos.values())


class _Pages:
    """A service's pages as the files they make up."""

    def __init__(self, ask: Callable[[str | None], exporting.ExportPage]) -> None:
        self._ask = ask
        self._page: exporting.ExportPage | None = ask(None)

    @property
    def file(self) -> str | None:
        """The file that comes next; None after the last."""
        return self._page.file if self._page else None

    def items_of(self, name: str) -> Iterator[dict[str, Any]]:
        while self._page is not None and self._page.file == name:
            yield from self._page.items
            following = self._page.next_cursor
            self._page = self._ask(following) if following is not None else None
