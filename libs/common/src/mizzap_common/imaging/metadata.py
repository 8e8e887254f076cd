"""When, where and with what a photo was taken, from EXIF and XMP written by any camera or broken by any program."""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from . import makernote
from .gate import OpenImage, open_image

_EXIF = ExifTags.Base
_GPS = ExifTags.GPS

# original, digitised: in this order of trust, each with its sub-seconds and its offset from UTC
_TIME_TAGS = (
    (_EXIF.DateTimeOriginal, _EXIF.SubsecTimeOriginal, _EXIF.OffsetTimeOriginal),
    (_EXIF.DateTimeDigitized, _EXIF.SubsecTimeDigitized, _EXIF.OffsetTimeDigitized),
)
_TIME = re.compile(
    r"(\d{4})[:\-/.](\d{2})[:\-/.](\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?\s*(Z|[+\-]\d{2}:?\d{2})?",
    re.ASCII,
)
_XMP_TIME = re.compile(rb"(?:exif:DateTimeOriginal|photoshop:DateCreated)(?:=[\"']|>)([0-9T:.+\-Z]{19,35})")
_XMP_BURST = re.compile(rb"GCamera:BurstID(?:=[\"']|>)([0-9A-Za-z\-]{8,64})")
_FIRST_PHOTOGRAPH = 1826
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class PhotoMetadata:
    """What a photo says of itself; None where it says nothing, or nothing credible.

    `width` and `height` are as displayed. `taken_at` is the camera's local wall clock with its sub-seconds, without a
    time zone; `offset_minutes` is that clock's distance east of UTC, if the camera knew it. `burst_id` joins the
    frames of one burst (Apple, Google). `changed_at` is when a program last wrote the file: two copies of one photo
    differ in it, so it never stands in for `taken_at` when photos are compared. `latitude` and `longitude` are degrees, north and east positive.
    """

    width: int
    height: int
    orientation: int = 1
    taken_at: datetime | None = None
    offset_minutes: int | None = None
    changed_at: datetime | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    camera_serial: str | None = None
    software: str | None = None
    burst_id: str | None = None
    latitude: float | None = None
    longitude: float | None = None


def read_metadata(data: bytes) -> PhotoMetadata:
    """The metadata of a whole file. Broken metadata counts as absent; raises ImageError as `gate.read_header` does."""
    opened = open_image(data)
    main, details, position = _read_exif(opened.exif)
    taken_at, offset = _taken_at(main, details, opened.xmp)
    latitude, longitude = _position(position)
    return PhotoMetadata(
        width=opened.header.width,
        height=opened.header.height,
        orientation=opened.header.orientation,
        taken_at=taken_at,
        offset_minutes=offset,
        changed_at=parse_time(_text(main.get(_EXIF.DateTime)), _text(details.get(_EXIF.SubsecTime)))[0],
        camera_make=_text(main.get(_EXIF.Make)),
        camera_model=_text(main.get(_EXIF.Model)),
        camera_serial=_text(details.get(_EXIF.BodySerialNumber)),
        software=_text(main.get(_EXIF.Software)),
        burst_id=_burst_id(details, opened),
        latitude=latitude,
        longitude=longitude,
    )


def _read_exif(
    blob: bytes | None,
) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any]]:
    """The tags of the main, the Exif and the GPS directory, as many of the three as can be read."""
    if not blob:
        return {}, {}, {}
    exif = Image.Exif()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about each broken tag
        return (
            _tags(lambda: _loaded(exif, blob)),
            _tags(lambda: exif.get_ifd(ExifTags.IFD.Exif)),
            _tags(lambda: exif.get_ifd(ExifTags.IFD.GPSInfo)),
        )


def _loaded(exif: Image.Exif, blob: bytes) -> Image.Exif:
    exif.load(blob)
    return exif


def _tags(read: Callable[[], Mapping[int, Any]]) -> dict[int, Any]:
    try:
        return dict(read())
    except Exception:
        # Pillow's parser raises whatever a broken directory makes it stumble over; a photo may well have none
        return {}


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    printable = "".join(character for character in value.split("\0")[0] if character.isprintable())
    return printable.strip()[:_LONGEST_TEXT] or None


def _taken_at(main: dict[int, Any], details: dict[int, Any], xmp: bytes | None) -> tuple[datetime | None, int | None]:
    for time_tag, subsecond_tag, offset_tag in _TIME_TAGS:
        found = {**main, **details}
        moment, offset = parse_time(_text(found.get(time_tag)), _text(found.get(subsecond_tag)))
        if moment is not None:
            return moment, offset if offset is not None else parse_offset(_text(found.get(offset_tag)))
    match = _XMP_TIME.search(xmp or b"")
    return parse_time(match.group(1).decode("ascii"), None) if match else (None, None)


def parse_time(text: str | None, subseconds: str | None) -> tuple[datetime | None, int | None]:
    """A camera's clock and its offset in minutes. Nonsense such as 0000:00:00 gives None."""
    match = _TIME.match(text or "")
    if match is None:
        return None, None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction = match.group(7) or (subseconds or "").strip()
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None, None
    if year < _FIRST_PHOTOGRAPH:
        return None, None
    if fraction.isascii() and fraction.isdigit():
        moment = moment.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    return moment, parse_offset(match.group(8))


def parse_offset(text: str | None) -> int | None:
    """Minutes east of UTC from `+02:00`, `-0330` or `Z`; None beyond the 14 hours that exist on Earth."""
    if text == "Z":
        return 0
    match = re.fullmatch(r"([+\-])(\d{2}):?(\d{2})", text or "", re.ASCII)
    if match is None:
        return None
    minutes = int(match.group(2)) * 60 + int(match.group(3))
    if minutes > 14 * 60:
        return None
    return -minutes if match.group(1) == "-" else minutes


def _position(gps: dict[int, Any]) -> tuple[float | None, float | None]:
    latitude = _degrees(gps.get(_GPS.GPSLatitude), _text(gps.get(_GPS.GPSLatitudeRef)), "NS", 90)
    longitude = _degrees(gps.get(_GPS.GPSLongitude), _text(gps.get(_GPS.GPSLongitudeRef)), "EW", 180)
    # 0°, 0° lies in the open sea: receivers without a fix write it
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None, None
    return latitude, longitude


def _degrees(parts: Any, direction: str | None, directions: str, limit: int) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if not (0 <= value <= limit and minutes >= 0 and seconds >= 0):
        return None
    if not direction or direction[0].upper() not in directions:
        return None
    return round(-value if direction[0].upper() == directions[1] else value, 7)


def _burst_id(details: dict[int, Any], opened: OpenImage) -> str | None:
    match = _XMP_BURST.search(opened.xmp or b"")
    if match:
        return match.group(1).decode("ascii")
    note = details.get(_EXIF.MakerNote)
    return _text(makernote.apple_burst_id(note)) if isinstance(note, bytes) else None
