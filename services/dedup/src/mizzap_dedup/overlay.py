"""Two pictures laid upon each other, compared block by block."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]

BLOCK: Final = 16
"""Pixels of a block's side, of 512 of the photo's."""

LEAST_BLOCKS: Final = 12
"""Fewer blocks with something in them prove nothing."""

AGREEMENT: Final = 0.75
"""Least correlation of two blocks that show the same thing: free of brightness and contrast."""

TEXTURE: Final = 3.0
"""Least standard deviation (of 256 levels) of a block that is worth comparing: sky agrees with any sky."""

GRAIN: Final = 0.25
"""Least standard deviation of a block's fine detail for it to be a grain at all."""

GRAIN_AGREEMENT: Final = 0.5
"""Least correlation of fine detail in two blocks. Over 98 photos in 23 edits at least half of the blocks reach it in
99 of 100; two photos of one plain wall reach it nowhere (their fine detail correlates by .05 at most)."""

LEAST_TO_JUDGE_FOCUS: Final = 0.25
"""Share of the textured blocks that must agree: blocks that agree by chance differ in sharpness too."""

REFOCUSED_BOTH_WAYS: Final = 0.03
REFOCUSED_SPREAD: Final = 1.25
"""Limits of the two measures in `_refocused`. Over 98 photos in 23 edits each they reach .01 and 1.15. Every pair of a
tripod's focus series passes one of them: at least .06 both ways, or, against the stacked picture, a spread of 1.58."""


@dataclass(frozen=True)
class Overlay:
    """How two pictures agree where they cover each other.

    `aligned`: the share of the blocks with texture that agree. `grain`: the share of the blocks with fine detail whose
    fine detail agrees; it decides about walls, skies and moons. Both are 0 when there are too few such blocks.
    `refocused`: sharpness went from some places to others, as by another focus and never by editing.
    """

    aligned: float
    grain: float
    refocused: bool


def lay_upon(base: Grey, other: Grey) -> Overlay:
    """Compare two pictures of one motif; the larger one is shrunk to the smaller one's size."""
    if base.size > other.size:
        base, other = other, base
    height, width = base.shape
    if other.shape != base.shape:
        other = np.asarray(cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return _compare(base, other, np.ones(_blocks(base).shape[:2], np.bool_))


def lay_mapped_upon(base: Grey, other: Grey, matrix: Matrix) -> Overlay:
    """Compare `base` with what lies on it of `other`, mapped by `matrix` (2, 3), which should not enlarge."""
    height, width = base.shape
    mapped = cv2.warpAffine(_softened(other, matrix), matrix, (width, height), flags=cv2.INTER_LINEAR)
    covered = cv2.warpAffine(np.full(other.shape, 255, np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST)
    return _compare(base, np.asarray(mapped, np.uint8), _blocks(np.asarray(covered)).min(axis=2) == 255)


def _compare(base: Grey, other: Grey, covered: Flags) -> Overlay:
    left, right = base.astype(np.float32), other.astype(np.float32)
    correlation, deviation = _correlation(_blurred(left, 1.0), _blurred(right, 1.0), np.maximum)
    textured = covered & (deviation >= TEXTURE)
    agreeing = textured & (correlation >= AGREEMENT)
    fine, strength = _correlation(_grain(left), _grain(right), np.minimum)
    grainy = covered & (strength >= GRAIN)
    aligned = _share(agreeing, textured)
    return Overlay(
        aligned=aligned,
        grain=_share(grainy & (fine >= GRAIN_AGREEMENT), grainy),
        refocused=aligned >= LEAST_TO_JUDGE_FOCUS and _refocused(left, right, agreeing),
    )


def _share(some: Flags, of: Flags) -> float:
    return float(some.sum() / of.sum()) if of.sum() >= LEAST_BLOCKS else 0.0


def _softened(grey: Grey, matrix: Matrix) -> Grey:
    """Without the detail that a smaller copy can't hold."""
    shrink = 1 / float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink <= 1.1:
        return grey
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.5 * float(np.sqrt(shrink**2 - 1))), np.uint8)


def _blurred(grey: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.float32)


def _grain(grey: Floats) -> Floats:
    """Detail of one to four pixels: finer is compression's, coarser is shading."""
    return _blurred(grey, 0.7) - _blurred(grey, 3.0)


def _blocks(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(rows, columns, BLOCK²): the plane cut into blocks; what is left over at the right and below is dropped."""
    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    cut = plane[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(rows, columns, BLOCK * BLOCK)


def _correlation(left: Floats, right: Floats, either: np.ufunc) -> tuple[Floats, Floats]:
    """Per block the correlation of the two, and the larger or smaller of their standard deviations."""
    a, b = _blocks(left), _blocks(right)
    a, b = a - a.mean(axis=2, keepdims=True), b - b.mean(axis=2, keepdims=True)
    deviation_a, deviation_b = a.std(axis=2), b.std(axis=2)
    correlation = (a * b).mean(axis=2) / (deviation_a * deviation_b + 1e-6)
    return correlation, either(deviation_a, deviation_b)


def _refocused(left: Floats, right: Floats, blocks: Flags) -> bool:
    """Whether fine detail went from some places to others.

    Blurring, shrinking, compressing and noise change fine detail the same way everywhere that there is much of it;
    another focus takes it here and gives it there, or leaves it only in places. Measured by the ratio of fine detail
    in the blocks that have most, over the ratio of coarse contrast, in steps of factor 2: the smaller of the shares of
    blocks that gained and that lost more than half a step, and the spread between the quartiles.
    """
    (fine_left, coarse_left), (fine_right, coarse_right) = _detail(left), _detail(right)
    gain = np.median(coarse_right[blocks] / (coarse_left[blocks] + 0.1))
    fine_left, fine_right = fine_left[blocks] * gain, fine_right[blocks]
    most = np.maximum(fine_left, fine_right)
    rich = most >= np.quantile(most, 0.7)
    steps = np.log2((fine_right[rich] + 0.3) / (fine_left[rich] + 0.3))
    both_ways = min((steps > 0.5).mean(), (steps < -0.5).mean())
    spread = np.quantile(steps, 0.75) - np.quantile(steps, 0.25)
    return bool(both_ways > REFOCUSED_BOTH_WAYS or spread > REFOCUSED_SPREAD)


def _detail(grey: Floats) -> tuple[Floats, Floats]:
    """Per block the strength (root mean square) of detail finer than 1 pixel and of that between 2 and 4."""
    fine = grey - _blurred(grey, 1.0)
    coarse = _blurred(grey, 2.0) - _blurred(grey, 4.0)
    return np.sqrt((_blocks(fine) ** 2).mean(axis=2)), np.sqrt((_blocks(coarse) ** 2).mean(axis=2))
