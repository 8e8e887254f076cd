"""An export's file, read: what is in it, checked before anything is sent anywhere."""

import json
import zipfile
import zlib
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from mizzap_client.errors import ClientError
from mizzap_client.schema import Schema

FORMAT, VERSION = "mizzap-export", 1
S = TypeVar("S", bound=Schema)

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
"""What `zipfile` raises when it reads what is not as it was written, or is packed in a way that it doesn't know."""


class NotAnExport(ClientError):
    """The file is no export, damaged, or newer than this program."""


class Damaged(ClientError):
    """One original can't be read; the others may be whole."""


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
        except (*_DAMAGE, KeyError, ValueError) as error:
            raise NotAnExport(f"{path} is no export of MIZZAP, or not a whole one.") from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
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
        return [photo for photo in self._photos if photo.trashed_at is None]

    def albums(self) -> list[ExportedAlbum]:
        if "albums.json" not in self._zip.namelist():
            return []
        try:
            return TypeAdapter(list[ExportedAlbum]).validate_json(self._zip.read("albums.json"))
        except (ValidationError, *_DAMAGE) as error:
            raise NotAnExport("albums.json of the export can't be understood.") from error

    def decisions(self) -> list[ExportedDecision]:
        """What the user said of pairs; those that nothing was said of are found again by themselves.

        Without those about a photo that was in the trash: it is not brought in, so that there is no pair any more.
        """
        ids = {photo.id for photo in self.photos()}
        pairs = self._lines("duplicates.jsonl", ExportedDecision)
        said = [pair for pair in pairs if pair.action != "pending"]
        return [pair for pair in said if ids >= {pair.primary_photo_id, pair.duplicate_photo_id}]

    def wishes(self) -> list[ExportedWish]:
        return self._lines("wishes.jsonl", ExportedWish)

    def has_original(self, sha256: str) -> bool:
        return sha256 in self._originals

    def extract(self, sha256: str, folder: Path) -> tuple[Path, int]:
        """The original as a file in ``folder``, and its size; whether the bytes are right, the server sees.

        Raises Damaged.
        """
        target = folder / sha256
        try:
            with self._zip.open(self._originals[sha256]) as source, target.open("wb") as file:
                while chunk := source.read(1 << 20):
                    file.write(chunk)
        except _DAMAGE as error:
            raise Damaged("its original in the export is damaged.") from error
        return target, target.stat().st_size

    @cached_property
    def _photos(self) -> list[ExportedPhoto]:
        return self._lines("photos.jsonl", ExportedPhoto)

    def _lines(self, name: str, kind: type[S]) -> list[S]:
        """One a line, none when the export has no such file. Raises NotAnExport."""
        found: list[S] = []
        if name not in self._zip.namelist():
            return found
        try:
            with self._zip.open(name) as file:
                found.extend(map(kind.model_validate_json, file))
        except ValidationError as error:
            raise NotAnExport(f"Line {len(found) + 1} of {name} of the export can't be understood.") from error
        except _DAMAGE as error:
            raise NotAnExport(f"{name} of the export is damaged.") from error
        return found
