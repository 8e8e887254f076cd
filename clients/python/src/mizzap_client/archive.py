"""An export's file, read: what is in it, checked before anything is sent anywhere."""

import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import ValidationError

from mizzap_client.errors import ClientError
from mizzap_client.schema import Schema

FORMAT, VERSION = "mizzap-export", 1


class NotAnExport(ClientError):
    """The file is no export, damaged, or newer than this program."""


class ExportedPhoto(Schema):
    id: int
    file_name: str
    sha256: str
    file_size: int
    is_favourite: bool = False
    trashed_at: datetime | None = None


class ExportedAlbum(Schema):
    id: int
    name: str
    description: str | None = None
    cover_photo_id: int | None = None
    photo_ids: list[int]


class ExportedDecision(Schema):
    primary_photo_id: int
    duplicate_photo_id: int
    action: Literal["pending", "confirmed", "rejected", "kept_both"]


class ExportedWish(Schema):
    photo_id: int
    wish: str | None = None


class Archive:
    """``with Archive(path) as archive``. Raises NotAnExport, and OSError when it can't be read."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            manifest = json.loads(self._zip.read("manifest.json"))
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise NotAnExport(f"{path} is no export of MIZZAP, or not a whole one.") from error
        if manifest.get("format") != FORMAT:
            raise NotAnExport(f"{path} is no export of MIZZAP.")
        if manifest.get("version") != VERSION:
            raise NotAnExport(f"{path} was made by a newer MIZZAP than this program knows.")
        self._originals = {Path(name).stem: name for name in self._zip.namelist() if name.startswith("originals/")}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._zip.close()

    def photos(self) -> list[ExportedPhoto]:
        """Without those that were in the trash."""
        photos = [ExportedPhoto.model_validate(item) for item in self._lines("photos.jsonl")]
        return [photo for photo in photos if photo.trashed_at is None]

    def albums(self) -> list[ExportedAlbum]:
        return [ExportedAlbum.model_validate(item) for item in self._list("albums.json")]

    def decisions(self) -> list[ExportedDecision]:
        """What the user said of pairs; those that nothing was said of are found again by themselves."""
        pairs = [ExportedDecision.model_validate(item) for item in self._lines("duplicates.jsonl")]
        return [pair for pair in pairs if pair.action != "pending"]

    def wishes(self) -> list[ExportedWish]:
        return [ExportedWish.model_validate(item) for item in self._lines("wishes.jsonl")]

    def has_original(self, sha256: str) -> bool:
        return sha256 in self._originals

    def extract(self, sha256: str, folder: Path) -> tuple[Path, int]:
        """The original as a file in ``folder``, and its size; whether the bytes are right, the server sees."""
        target = folder / sha256
        with self._zip.open(self._originals[sha256]) as source, target.open("wb") as file:
            while chunk := source.read(1 << 20):
                file.write(chunk)
        return target, target.stat().st_size

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        if name not in self._zip.namelist():
            return
        try:
            with self._zip.open(name) as file:
                yield from map(json.loads, file)
        except (ValueError, ValidationError, zipfile.BadZipFile) as error:
            raise NotAnExport(f"{name} of the export can't be read.") from error

    def _list(self, name: str) -> list[dict[str, Any]]:
        if name not in self._zip.namelist():
            return []
        try:
            found: list[dict[str, Any]] = json.loads(self._zip.read(name))
        except (ValueError, zipfile.BadZipFile) as error:
            raise NotAnExport(f"{name} of the export can't be read.") from error
        return found
