"""Whether two photos are duplicates, of which kind, how surely, and why.

The order is the point: bytes, then pixels, then the shot (another press of the shutter is another photo, however
alike), and only then likeness. Every threshold says where it is from.
"""

from dataclasses import dataclass
from typing import Final, Literal

from mizzap_dedup.fingerprint import PDQ_BITS, PDQ_CANDIDATE, Look
from mizzap_dedup.geometry import Alignment
from mizzap_dedup.shots import Shot, same_moment, told_apart

Lane = Literal["exact", "pixel", "near", "similar"]

PDQ_NEAR: Final = 31
"""Bits. PDQ's advised threshold; no false pair in 46 million (docs/adr/0005)."""

PDQ_SAME_MOMENT: Final = 65
"""Bits. Enough when camera and clock already say that it is one shot; no false pair in 46 million either."""

LEAST_QUALITY: Final = 50
"""PDQ's own measure, 0 to 100, of how much there is to hash. Below, its bits mean little: fog resembles any fog. Such
photos are copies when their grain is the same, which chance never makes."""

LEAST_SCORE: Final = 0.5

STRENGTH: Final[dict[Lane, int]] = {"exact": 3, "pixel": 2, "near": 1, "similar": 0}


@dataclass(frozen=True)
class Evidence:
    """What is known of one photo."""

    sha256: str
    pixel_hash: str
    pdq_quality: int
    shot: Shot


@dataclass(frozen=True)
class Likeness:
    """What is known of a pair; None for what was not measured."""

    look: Look
    phash_distance: int
    cosine: float | None = None
    alignment: Alignment | None = None


@dataclass(frozen=True)
class Match:
    """`score` is 1 for the same pixels and falls with certainty; `reasons` are sentences for a person."""

    lane: Lane
    score: float
    reasons: tuple[str, ...]
    by_likeness: bool = False
    """Whether it was the vectors that led to the pair: by the hashes alone nobody would have looked at it."""


@dataclass(frozen=True)
class VectorThresholds:
    """Cosines of one embedding model: from `candidate` on a pair is worth a second look, from `similar` on it is
    listed as a candidate for the user. Each model has its own; None switches the similar lane off."""

    candidate: float
    similar: float | None


def decide(
    left: Evidence, right: Evidence, likeness: Likeness, vectors: VectorThresholds | None = None
) -> Match | None:
    """The lane of a pair, or None for two different photos."""
    if left.sha256 == right.sha256:
        return Match("exact", 1.0, ("the files are identical, byte for byte",))
    apart = told_apart(left.shot, right.shot)
    plain = min(left.pdq_quality, right.pdq_quality) < LEAST_QUALITY
    if left.pixel_hash == right.pixel_hash and not (plain and apart):
        return Match("pixel", 1.0, ("the same pixels, in a file with other metadata or another container",))
    if apart:
        return None
    if _one_moment(left, right, likeness):
        return Match("near", _from_bits(likeness.look), ("one shot by camera and clock", *_describe(likeness.look)))
    if plain:
        return _near_though_plain(likeness)
    if likeness.alignment is not None and likeness.alignment.other_frame:
        return None
    return _near(likeness) or _similar(likeness, vectors)


def wants_second_look(
    left: Evidence, right: Evidence, likeness: Likeness, vectors: VectorThresholds | None = None
) -> bool:
    """Whether the pair's pixels should be compared before `decide`: not yet sure, and not out of the question."""
    if left.sha256 == right.sha256 or left.pixel_hash == right.pixel_hash:
        return False
    if told_apart(left.shot, right.shot):
        return False
    if _one_moment(left, right, likeness):
        return False
    if likeness.look.distance <= PDQ_CANDIDATE:
        return True
    return vectors is not None and likeness.cosine is not None and likeness.cosine >= vectors.candidate


def _one_moment(left: Evidence, right: Evidence, likeness: Likeness) -> bool:
    return likeness.look.distance <= PDQ_SAME_MOMENT and same_moment(left.shot, right.shot)


def _near(likeness: Likeness) -> Match | None:
    look, alignment = likeness.look, likeness.alignment
    if look.distance <= PDQ_NEAR:
        return Match("near", _from_bits(look), _describe(look))
    if alignment is not None and alignment.same_picture:
        return Match("near", _from_alignment(alignment.aligned), _describe_alignment(alignment))
    return None


def _near_though_plain(likeness: Likeness) -> Match | None:
    alignment = likeness.alignment
    if alignment is None or not alignment.same_grain:
        return None
    if alignment.blank:
        return Match("near", LEAST_SCORE, ("both are of one and the same colour",))
    return Match(
        "near", _from_alignment(alignment.grain), (f"the same fine grain in {alignment.grain:.0%} of the picture",)
    )


def _similar(likeness: Likeness, vectors: VectorThresholds | None) -> Match | None:
    if vectors is None or vectors.similar is None or likeness.cosine is None or likeness.cosine < vectors.similar:
        return None
    return Match("similar", round(likeness.cosine, 4), (f"they show much the same ({likeness.cosine:.0%} alike)",))


def _from_bits(look: Look) -> float:
    return round(1 - look.distance / PDQ_BITS, 4)


def _from_alignment(share: float) -> float:
    """Between .5 and .75: below any agreement of whole pictures (65 bits make .746)."""
    return round(0.25 + 0.5 * share, 4)


def _describe(look: Look) -> tuple[str, ...]:
    agreement = f"the pictures agree in {PDQ_BITS - look.distance} of {PDQ_BITS} bits of their perceptual hash"
    if look.trimmed:
        return (agreement, "once the bars around one are left out")
    if look.mirrored:
        return (agreement, "one is the other's mirror image")
    return (agreement, "one is turned") if look.turn else (agreement,)


def _describe_alignment(alignment: Alignment) -> tuple[str, ...]:
    aligned = f"laid upon each other, {alignment.aligned:.0%} of the common area agrees"
    if alignment.inliers is not None:
        aligned += f" ({alignment.inliers} points lie in the same arrangement)"
    return (aligned, "one is the other's mirror image") if alignment.mirrored else (aligned,)
