"""The camera's clock tells frames of a series apart, and never a photo from its copy."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from mizzap_dedup.shots import NOTHING_KNOWN, Shot, same_moment, told_apart

NOON = datetime(2024, 7, 14, 12, 0, 0, 250_000)
PHONE = Shot(taken_at=NOON, offset_minutes=120, make="Apple", model="iPhone 15", serial=None)
COMPACT = Shot(taken_at=NOON.replace(microsecond=0), make="Canon", model="Canon PowerShot A610")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (PHONE, replace(PHONE, taken_at=NOON + timedelta(milliseconds=40))),
        (PHONE, replace(PHONE, taken_at=NOON + timedelta(seconds=1))),
        (COMPACT, replace(COMPACT, taken_at=COMPACT.taken_at + timedelta(days=400))),  # type: ignore[operator]
        (PHONE, replace(PHONE, model="iPhone 14")),
        (PHONE, replace(PHONE, model=None, make="Google")),
        (replace(PHONE, serial="A1"), replace(PHONE, serial="A2")),
        (replace(PHONE, burst_id="one"), replace(PHONE, burst_id="two")),
        (replace(COMPACT, burst_id="one"), replace(COMPACT, burst_id="one")),
        (Shot(taken_at=NOON), Shot(taken_at=NOON + timedelta(seconds=5))),
    ],
    ids=["burst", "next second", "other year", "other model", "other make", "other body", "other burst",
         "one burst, no sub-seconds", "two screenshots"],
)  # fmt: skip
def test_other_presses_of_the_shutter(left: Shot, right: Shot) -> None:
    assert told_apart(left, right)
    assert told_apart(right, left)
    assert not same_moment(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (PHONE, PHONE),
        (PHONE, NOTHING_KNOWN),
        (PHONE, replace(PHONE, taken_at=NOON.replace(microsecond=0))),
        (PHONE, replace(PHONE, taken_at=NOON + timedelta(milliseconds=9))),
        (PHONE, replace(PHONE, taken_at=NOON - timedelta(hours=2), offset_minutes=0)),
        (PHONE, replace(PHONE, make="APPLE ", model=" iphone  15")),
        (PHONE, replace(PHONE, make="Apple Inc.")),
        (PHONE, Shot(taken_at=NOON + timedelta(days=30))),
        (replace(PHONE, burst_id="one"), replace(PHONE, burst_id="one")),
        (NOTHING_KNOWN, NOTHING_KNOWN),
    ],
    ids=["the same", "stripped by a messenger", "sub-seconds lost", "sub-seconds cut", "zone put right", "spelling",
         "make rewritten", "a program's own time", "copy of a burst's frame", "nothing known"],
)  # fmt: skip
def test_perhaps_one_shot(left: Shot, right: Shot) -> None:
    assert told_apart(left, right) is None
    assert told_apart(right, left) is None


def test_a_zone_alone_does_not_make_two_clocks_agree() -> None:
    """An interval timer shoots every full hour: without both zones another hour is another shot."""
    assert told_apart(PHONE, replace(PHONE, taken_at=NOON + timedelta(hours=1), offset_minutes=None))


@pytest.mark.parametrize(
    ("edge", "offset", "hours"),
    [(datetime(9999, 12, 31, 23, 59, 59), -13 * 60, -1), (datetime(1, 1, 1), 13 * 60, 1)],
    ids=["the last second there is", "the first"],
)
def test_instants_that_no_calendar_has_are_compared_too(edge: datetime, offset: int, hours: int) -> None:
    photo = replace(PHONE, taken_at=edge, offset_minutes=offset)
    same = replace(photo, taken_at=edge + timedelta(hours=hours), offset_minutes=offset + hours * 60)
    other = replace(same, offset_minutes=offset)
    assert told_apart(photo, same) is None and told_apart(same, photo) is None
    assert told_apart(photo, other) and told_apart(other, photo)


def test_one_moment_needs_camera_and_sub_seconds() -> None:
    assert same_moment(PHONE, PHONE)
    assert not same_moment(COMPACT, COMPACT), "a second is long enough for three frames"
    assert not same_moment(Shot(taken_at=NOON), Shot(taken_at=NOON))
