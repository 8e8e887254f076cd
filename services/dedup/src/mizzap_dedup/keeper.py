"""Which of several duplicates to suggest for keeping, and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

Rule = Literal["camera", "pixels", "compression"]

DEFAULT_POLICY: Final[tuple[Rule, ...]] = ("camera", "pixels", "compression")
"""The order in which the rules are asked; users may order it differently. Among equals the first upload, which has the
lowest id, is kept."""

FIRST_HEIC: Final = datetime(2017, 6, 1)
"""iOS 11, the first to take photos in HEIC, was given to testers in June 2017."""

EFFICIENCY: Final = {"image/heic": 3.5, "image/avif": 3.5, "image/webp": 1.4}
"""How many bytes of JPEG one byte of a format is worth here. HEIC needs half of JPEG's bytes for the same picture, and
a re-encode at high quality inflates: at 3.5 a phone's HEIC outweighs the JPEG made of it, and a camera's JPEG the
HEIC made of that."""


@dataclass(frozen=True)
class Candidate:
    """What speaks for keeping a photo. `has_camera`: the camera's name is still there; `taken_at` is its clock."""

    photo_id: int
    mime_type: str
    size_bytes: int
    width: int
    height: int
    has_camera: bool
    taken_at: datetime | None

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def cameras_own(self) -> bool:
        """Whether a camera of its day may have written this very file: PNG, WebP and early HEIC are conversions."""
        if self.mime_type == "image/heic":
            return self.has_camera and (self.taken_at is None or self.taken_at >= FIRST_HEIC)
        return self.has_camera and self.mime_type == "image/jpeg"

    @property
    def substance(self) -> float:
        """Bytes, made comparable between formats: "largest file wins" would keep the JPEG made of a HEIC."""
        return self.size_bytes * EFFICIENCY.get(self.mime_type, 1.0)


class _Key(Protocol):
    def __call__(self, candidate: Candidate, /) -> float: ...


def _camera(candidate: Candidate) -> float:
    return candidate.has_camera + (candidate.taken_at is not None) + candidate.cameras_own


def _pixels(candidate: Candidate) -> float:
    return candidate.pixels


def _compression(candidate: Candidate) -> float:
    return candidate.substance


_KEYS: Final[dict[Rule, _Key]] = {
    "camera": _camera,
    "pixels": _pixels,
    "compression": _compression,
}


def rank(candidate: Candidate, policy: tuple[Rule, ...] = DEFAULT_POLICY) -> tuple[float, ...]:
    """A sort key: the best keeper has the lowest. Two photos never have the same one."""
    return (*(-_KEYS[rule](candidate) for rule in policy), candidate.photo_id)


def why_keep(keeper: Candidate, other: Candidate, policy: tuple[Rule, ...] = DEFAULT_POLICY) -> str:
    """The rule that decided between the two, as a sentence for a person."""
    for rule in policy:
        if _KEYS[rule](keeper) != _KEYS[rule](other):
            return _sentence(rule, keeper, other)
    return "kept as it was uploaded first"


def _sentence(rule: Rule, keeper: Candidate, other: Candidate) -> str:
    if rule == "camera":
        converted = keeper.cameras_own and other.has_camera and not other.cameras_own
        return "kept as the camera's own file" if converted else "kept as it still has the camera's data"
    if rule == "pixels":
        return f"kept as the larger picture ({keeper.width} × {keeper.height} against {other.width} × {other.height})"
    return "kept as the less compressed file"
