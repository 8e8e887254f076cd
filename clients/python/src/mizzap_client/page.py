"""report.html: one file that works without a network, with every picture inside it."""

import base64
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from mizzap_client.api import AsyncClient, RenditionSide
from mizzap_client.errors import NotFound
from mizzap_client.models import Lane
from mizzap_client.progress import human_size
from mizzap_client.report import LANES, Library, Report
from mizzap_client.schemas import Moment, NamedGroup, Photo
from mizzap_client.sync import in_parallel

PICTURES_AT_MOST = 600
"""Pictures inside the page, about 25 kB each: with more, browsers grow slow. The rest is named without one."""
_SIDE: RenditionSide = 400
_FETCHED_AT_ONCE = 8

LANE_MEANINGS: dict[Lane, str] = {
    "exact": "The very same file, byte by byte",
    "pixel": "The very same picture, in another file: other metadata, another format",
    "near": "The same photo again: re-encoded, resized, filtered or lightly edited",
    "similar": "Candidates only: they look alike, please decide",
}

Pictures = dict[int, str]
"""Data URIs by photo id."""


@dataclass(frozen=True)
class Shown:
    """A photo on the page."""

    name: str
    folder: str
    picture: str | None
    ratio: float
    """Width by height as it is shown."""
    file_facts: list[str]
    """Dimensions, size, format."""
    origin: list[str]
    """When and with which camera it was taken."""


@dataclass(frozen=True)
class ShownMember:
    photo: Shown
    lane: Lane | None
    """What ties it to the keeper; None for the keeper itself."""
    reasons: list[str]


@dataclass(frozen=True)
class ShownGroup:
    lane: Lane
    members: list[ShownMember]
    """The keeper first."""
    spare: str
    """What the members beside the keeper take on the disk."""


@dataclass(frozen=True)
class ShownMoment:
    photo: Shown
    score: float
    reasons: list[str]


def wanted_pictures(library: Library) -> list[int]:
    """Ids of the best moments first, then of the groups' members, PICTURES_AT_MOST in all."""
    wanted = [moment.photo_id for moment in library.moments.moments]
    wanted += [member for group in library.groups for member in group.members]
    return list(dict.fromkeys(wanted))[:PICTURES_AT_MOST]


async def fetch_pictures(client: AsyncClient, library: Library) -> Pictures:
    """A rendition of each photo that the page shows."""
    pictures: Pictures = {}

    async def fetch(photo_id: int) -> None:
        try:
            content, kind = await client.thumbnail(photo_id, _SIDE)
        except NotFound:
            return
        pictures[photo_id] = f"data:{kind};base64,{base64.b64encode(content).decode()}"

    await in_parallel(wanted_pictures(library), fetch, _FETCHED_AT_ONCE)
    return pictures


def render_page(report: Report, library: Library, pictures: Pictures, *, folder: str, made: datetime) -> str:
    environment = Environment(
        loader=PackageLoader("mizzap_client"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["size"] = human_size
    order = sorted(library.groups, key=lambda group: LANES.index(group.lane))
    return environment.get_template("report.html.j2").render(
        report=report,
        folder=folder,
        made=made,
        stats=library.stats,
        originals=library.progress.stored,
        lanes=LANES,
        lane_counts=duplicates_by_lane(library),
        lane_meanings=LANE_MEANINGS,
        groups=[_shown_group(group, library, pictures) for group in order],
        moments=[
            _shown_moment(moment, library.photos[moment.photo_id], pictures)
            for moment in library.moments.moments
            if moment.photo_id in library.photos
        ],
    )


def duplicates_by_lane(library: Library) -> Counter[Lane]:
    """How many photos each lane ties to their keepers."""
    tied = ((group.keeper, member) for group in library.groups for member in group.members)
    return Counter(library.pairs[pair].lane for pair in tied if pair in library.pairs)


def _shown_group(group: NamedGroup, library: Library, pictures: Pictures) -> ShownGroup:
    photos = [library.photos[member] for member in group.members if member in library.photos]
    spare = sum(photo.file_size for photo in photos if photo.id != group.keeper)
    members = []
    for photo in photos:
        pair = library.pairs.get((group.keeper, photo.id))
        shown = _shown(photo, pictures)
        members.append(ShownMember(shown, pair.lane if pair else None, pair.reasons if pair else []))
    return ShownGroup(group.lane, members, human_size(spare))


def _shown_moment(moment: Moment, photo: Photo, pictures: Pictures) -> ShownMoment:
    return ShownMoment(_shown(photo, pictures), moment.score, moment.reasons)


def _shown(photo: Photo, pictures: Pictures) -> Shown:
    folder, _, name = photo.file_name.rpartition("/")
    facts = [f"{photo.width} × {photo.height}"] if photo.width and photo.height else []
    facts.append(human_size(photo.file_size))
    facts.append(photo.mime_type.removeprefix("image/").upper())
    ratio = photo.width / photo.height if photo.width and photo.height else 4 / 3
    # a panorama would push its neighbours off the row
    return Shown(name, folder, pictures.get(photo.id), min(2.4, max(0.5, ratio)), facts, _origin(photo))


def _origin(photo: Photo) -> list[str]:
    taken = f"{photo.taken_at.day} {photo.taken_at:%b %Y, %H:%M:%S}" if photo.taken_at else None
    return [fact for fact in (taken, photo.camera_model) if fact]
