"""What a run has brought about, as report.json says it: see docs/report.md for the meaning of every field."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mizzap_client import models, operations, schemas
from mizzap_client.api import AsyncClient
from mizzap_client.sync import Synced

LANES: tuple[models.Lane, ...] = ("exact", "pixel", "near", "similar")
"""From certain to a mere candidate."""
IDENTICAL = "the files are identical, byte for byte"


@dataclass(frozen=True)
class Library:
    """All of a user's photos on the server, and what it found out about them."""

    photos: dict[int, schemas.Photo]
    groups: list[schemas.NamedGroup]
    pairs: dict[tuple[int, int], schemas.NamedDuplicate]
    """By the ids of keeper and duplicate: what is known of the one about the other."""
    moments: schemas.CuratedSet
    progress: schemas.ProgressNow
    stats: schemas.DuplicateStats
    model: schemas.Model


async def read_library(client: AsyncClient) -> Library:
    return Library(
        photos={photo.id: photo async for photo in client.photos()},
        groups=[group async for group in client.groups()],
        pairs={(pair.primary_photo_id, pair.duplicate_photo_id): pair async for pair in client.duplicates()},
        moments=await client.moments(),
        progress=await client.progress(),
        stats=(await client.ask(operations.get_duplicate_stats())).data,
        model=(await client.ask(operations.get_model())).data,
    )


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Failed(_Part):
    file: str
    code: str
    message: str


class Group(_Part):
    lane: models.Lane
    keeper: str
    members: list[str]
    """The keeper first."""
    reasons: list[str]


class Model(_Part):
    id: str | None
    dimensions: int | None


class Seconds(_Part):
    upload: float
    processing: float
    total: float


class Report(_Part):
    """Every file is counted once: ``photos == processed + len(failed)``; a photo may be in two groups."""

    photos: int
    stored: int
    processed: int
    renditions: int
    failed: list[Failed]
    groups: list[Group]
    moments: list[str]
    model: Model
    seconds: Seconds

    def write(self, path: Path) -> None:
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def build_report(synced: Synced, library: Library, seconds: Seconds) -> Report:
    """For a user who has no other photos than those of this folder."""
    photos = library.photos
    failed = _failed(synced, photos.values())
    groups = [*whole_groups(library), *_identical_in(library)]
    return Report(
        photos=len(synced.outcomes),
        stored=synced.count("stored", "adopted", "known"),
        processed=sum(photo.status == "processed" for photo in photos.values()),
        renditions=library.progress.renditions or 0,
        failed=sorted(failed, key=lambda entry: entry.file),
        groups=sorted(groups, key=_by_certainty),
        moments=[photos[moment.photo_id].file_name for moment in library.moments.moments if moment.photo_id in photos],
        model=Model(id=library.model.id, dimensions=library.model.dimensions),
        seconds=seconds,
    )


def _failed(synced: Synced, photos: Iterable[schemas.Photo]) -> list[Failed]:
    refused = [(outcome.name, outcome.problem) for outcome in synced.failed]
    unreadable = [(photo.file_name, photo.error) for photo in photos if photo.status == "failed"]
    unknown = models.Problem(code="INTERNAL", message="The server gives no reason.")
    return [
        Failed(file=name, code=(problem or unknown).code, message=(problem or unknown).message)
        for name, problem in refused + unreadable
    ]


def whole_groups(library: Library) -> list[Group]:
    """The server's groups with names instead of ids, the most certain lane first."""
    photos = library.photos
    groups = [
        Group(
            lane=group.lane,
            keeper=photos[group.keeper].file_name,
            members=[photos[member].file_name for member in _present(group, library)],
            reasons=group.reasons,
        )
        for group in library.groups
        if group.keeper in photos
    ]
    return sorted(groups, key=_by_certainty)


def _identical_in(library: Library) -> Iterator[Group]:
    """The byte-identical files of groups that hold others too: scripts find them in a group ``exact`` in any case."""
    for group in library.groups:
        same: dict[str, list[str]] = {}
        for member in _present(group, library):
            same.setdefault(library.photos[member].sha256, []).append(library.photos[member].file_name)
        if group.lane == "exact" or group.keeper not in library.photos:
            continue
        for names in same.values():
            if len(names) > 1:
                yield Group(lane="exact", keeper=names[0], members=names, reasons=[IDENTICAL])


def _present(group: schemas.NamedGroup, library: Library) -> list[int]:
    """Without what was deleted between two questions."""
    return [member for member in group.members if member in library.photos]


def _by_certainty(group: Group) -> tuple[int, str]:
    return LANES.index(group.lane), group.keeper
