"""The decision about a pair: what outranks what."""

from dataclasses import replace
from datetime import datetime

import pytest
from mizzap_dedup import search
from mizzap_dedup.fingerprint import PDQ_CANDIDATE, Look
from mizzap_dedup.geometry import Alignment
from mizzap_dedup.lanes import Evidence, Lane, Likeness, Match, VectorThresholds, decide, wants_second_look
from mizzap_dedup.shots import NOTHING_KNOWN, Shot

NOON = datetime(2024, 7, 14, 12, 0, 0, 250_000)
PHONE = Shot(taken_at=NOON, make="Apple", model="iPhone 15")
LATER = replace(PHONE, taken_at=NOON.replace(microsecond=300_000))
LEFT = Evidence("a" * 64, "1" * 64, 100, NOTHING_KNOWN)
RIGHT = Evidence("b" * 64, "2" * 64, 100, NOTHING_KNOWN)
VECTORS = VectorThresholds(candidate=0.75, similar=0.97)
LIES_UPON = Alignment(0.9, 0.9, None, mirrored=False, contained=True, refocused=False)
FITS = replace(LIES_UPON, inliers=40)
NOTHING = Alignment(0.0, 0.0, 3, mirrored=False, contained=False, refocused=False)


def like(bits: int, cosine: float | None = None, alignment: Alignment | None = None) -> Likeness:
    return Likeness(Look(bits, 0, False), 0, cosine, alignment)


def lane(match: Match | None) -> Lane | None:
    return match.lane if match else None


def both(left: Shot, right: Shot, **changes: int | str) -> tuple[Evidence, Evidence]:
    return replace(LEFT, shot=left, **changes), replace(RIGHT, shot=right, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "right", "likeness", "expected"),
    [
        (*both(PHONE, LATER, sha256="c" * 64), like(200), "exact"),
        (*both(PHONE, LATER, pixel_hash="3" * 64), like(0), "pixel"),
        (*both(PHONE, LATER, pixel_hash="3" * 64, pdq_quality=0), like(0), None),
        (*both(NOTHING_KNOWN, PHONE, pixel_hash="3" * 64, pdq_quality=0), like(0), "pixel"),
        (*both(PHONE, LATER), like(0, 1.0, LIES_UPON), None),
        (*both(PHONE, PHONE), like(65), "near"),
        (*both(PHONE, PHONE, pdq_quality=0), like(65), "near"),
        (*both(PHONE, NOTHING_KNOWN), like(31), "near"),
        (LEFT, RIGHT, like(33), None),
        (LEFT, RIGHT, like(33, None, LIES_UPON), "near"),
        (LEFT, RIGHT, like(120, 0.8, FITS), "near"),
        (LEFT, RIGHT, like(120, 0.8, replace(FITS, inliers=14)), None),
        (LEFT, RIGHT, like(120, 0.8, replace(FITS, aligned=0.59)), None),
        (LEFT, RIGHT, like(10, 0.99, replace(LIES_UPON, refocused=True)), None),
        (LEFT, RIGHT, like(10, 0.99, replace(FITS, contained=False)), None),
        (LEFT, RIGHT, like(120, 0.98, NOTHING), "similar"),
        (LEFT, RIGHT, like(120, 0.96, NOTHING), None),
        (*both(PHONE, LATER), like(120, 0.99), None),
        (replace(LEFT, pdq_quality=49), RIGHT, like(0), None),
        (replace(LEFT, pdq_quality=49), RIGHT, like(0, 0.99, replace(LIES_UPON, aligned=0.0)), "near"),
        (replace(LEFT, pdq_quality=49), RIGHT, like(0, 0.99, replace(LIES_UPON, grain=0.4)), None),
    ],
    ids=[
        "the same bytes are one photo, whatever the clock says",
        "the same pixels too",
        "unless there is nothing in them",
        "and the clock does not tell",
        "another press of the shutter is another photo, however alike",
        "camera and clock allow more difference",
        "even in fog",
        "a stripped copy is judged by its look",
        "not near enough by itself",
        "but lying upon the original",
        "a crop fits by its points",
        "too few points",
        "too little agreement",
        "focused elsewhere",
        "seen from elsewhere",
        "much alike",
        "not enough alike",
        "a series is not even a candidate",
        "fog resembles any fog",
        "unless its grain is the same",
        "mostly",
    ],
)
def test_what_decides(left: Evidence, right: Evidence, likeness: Likeness, expected: Lane | None) -> None:
    for pair in ((left, right), (right, left)):
        match = decide(*pair, likeness, VECTORS)
        assert lane(match) == expected
        assert match is None or (0.5 <= match.score <= 1 and all(match.reasons))


def test_without_a_model_nothing_is_similar() -> None:
    assert decide(LEFT, RIGHT, like(120, None)) is None
    assert decide(LEFT, RIGHT, like(120, 0.99), VectorThresholds(candidate=0.7, similar=None)) is None


def test_scores_fall_with_certainty() -> None:
    certain = decide(LEFT, RIGHT, like(4))
    light = decide(LEFT, RIGHT, like(30))
    cropped = decide(LEFT, RIGHT, like(90, 0.9, FITS), VECTORS)
    assert certain and light and cropped
    assert 1 > certain.score > light.score > cropped.score


@pytest.mark.parametrize(
    ("left", "right", "likeness", "expected"),
    [
        (LEFT, RIGHT, like(72), True),
        (LEFT, RIGHT, like(73), False),
        (LEFT, RIGHT, like(73, 0.75), True),
        (LEFT, RIGHT, like(73, 0.74), False),
        (LEFT, replace(RIGHT, sha256=LEFT.sha256), like(0), False),
        (LEFT, replace(RIGHT, pixel_hash=LEFT.pixel_hash), like(0), False),
        (*both(PHONE, LATER), like(0, 1.0), False),
        (*both(PHONE, PHONE), like(60), False),
        (*both(PHONE, PHONE), like(70), True),
    ],
)
def test_only_open_questions_get_a_second_look(
    left: Evidence, right: Evidence, likeness: Likeness, expected: bool
) -> None:
    assert wants_second_look(left, right, likeness, VECTORS) is expected


@pytest.mark.parametrize(
    ("lane", "bits", "led"),
    [("similar", 0, True), ("near", PDQ_CANDIDATE, False), ("near", PDQ_CANDIDATE + 1, True), ("exact", 200, False)],
)
def test_what_the_hashes_would_not_have_found_was_led_to_by_vectors(lane: Lane, bits: int, led: bool) -> None:
    assert search._led_by_vectors(Match(lane, 0.7, ()), like(bits)) is led
