"""Which press of the shutter a photo came from, as far as its metadata tell.

Two frames of a burst and a photo with its copy may have the same pixels to any measure; the camera's clock tells them
apart. So this is asked before any duplicate label.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SUBSECOND_TOLERANCE: Final = timedelta(milliseconds=10)
"""Programs cut sub-seconds to two digits; the fastest bursts of phones are 30 frames a second."""


@dataclass(frozen=True)
class Shot:
    """What a photo says about its being taken; None where it says nothing.

    `taken_at` is the camera's wall clock without a zone, its microseconds 0 when the camera gives no sub-seconds;
    `offset_minutes` the clock's distance east of UTC.
    """

    taken_at: datetime | None = None
    offset_minutes: int | None = None
    make: str | None = None
    model: str | None = None
    serial: str | None = None
    burst_id: str | None = None

    @property
    def by_camera(self) -> bool:
        """Whether a camera is named. A program that writes a time without one may mean its own: a screenshot's."""
        return self.make is not None or self.model is not None


NOTHING_KNOWN: Final = Shot()


def told_apart(left: Shot, right: Shot) -> str | None:
    """Why the two can't be the same shot, as a sentence for a person; None when they may be."""
    if _differ(left.model, right.model) or (None in (left.model, right.model) and _differ(left.make, right.make)):
        return "taken with different cameras"
    if _differ(left.serial, right.serial):
        return "taken with different cameras of one model"
    if _differ(left.burst_id, right.burst_id):
        return "frames of different bursts"
    if left.taken_at is None or right.taken_at is None or left.by_camera != right.by_camera:
        return None
    if not _same_time(left, right):
        return "taken at different times"
    if left.burst_id is not None and left.burst_id == right.burst_id and not _to_the_subsecond(left, right):
        return "frames of one burst, without sub-seconds to tell a frame from its copy"
    return None


def same_moment(left: Shot, right: Shot) -> bool:
    """Whether both were taken by the same camera in the same fraction of a second: one shot, however it looks now."""
    if left.taken_at is None or right.taken_at is None or not (left.by_camera and right.by_camera):
        return False
    return told_apart(left, right) is None and _to_the_subsecond(left, right)


def _differ(left: str | None, right: str | None) -> bool:
    return left is not None and right is not None and _plain(left) != _plain(right)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _same_time(left: Shot, right: Shot) -> bool:
    """The same on the wall clock, or the same instant where both know their zone (a zone was put right later)."""
    assert left.taken_at is not None and right.taken_at is not None
    if _apart_by(timedelta(0), left.taken_at, right.taken_at):
        return True
    if left.offset_minutes is None or right.offset_minutes is None:
        return False
    # the instants themselves may lie before the first year or after the last
    return _apart_by(timedelta(minutes=left.offset_minutes - right.offset_minutes), left.taken_at, right.taken_at)


def _apart_by(ahead: timedelta, left: datetime, right: datetime) -> bool:
    """Whether the left clock is so much ahead of the right one, as far as both say."""
    if left.microsecond and right.microsecond:
        return abs(left - right - ahead) < SUBSECOND_TOLERANCE
    return left.replace(microsecond=0) - right.replace(microsecond=0) == ahead


def _to_the_subsecond(left: Shot, right: Shot) -> bool:
    assert left.taken_at is not None and right.taken_at is not None
    return bool(left.taken_at.microsecond and right.taken_at.microsecond)
