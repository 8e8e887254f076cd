"""What a cosine means, per embedding model: the same number says different things in different vector spaces."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Space:
    """Cosines of normalised image vectors: from `same_scene` on two groups of photos show about the same, from
    `near_identical` on two photos are as good as one for a person who looks at a selection."""

    same_scene: float
    near_identical: float


# Measured on 194 development photos: of pairs that share nothing 99.5 % lie under 0.67, neighbouring views of a walk
# around a square have 0.84 at the median and 0.94 at most, copies (re-encoded, darkened, with noise) mostly over 0.9.
_MEASURED: Final = {"efficientnet-lite0-imagenet": Space(same_scene=0.67, near_identical=0.90)}

# For CLIP, whose unrelated photos lie near 0.5: Ente calls photos with 0.96 duplicates, the specification 0.95.
_CLIP: Final = Space(same_scene=0.85, near_identical=0.94)


def space_of(model_id: str | None) -> Space:
    """The thresholds of a model by its id; an unknown model is taken for a CLIP."""
    return _MEASURED.get(model_id or "", _CLIP)
