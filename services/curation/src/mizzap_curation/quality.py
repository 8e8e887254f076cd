"""Technical quality of one photo, 0 (unusable) to 1 (nothing to complain about), from a small upright copy.

Six components, each 0..1 and 1 at best, say *how well the picture was taken and kept*, not whether anyone likes it:

| component     | question                                                            | source |
|---------------|---------------------------------------------------------------------|--------|
| sharpness     | how much of the edges would a blur take away?                       | Crete et al. 2007, "The blur effect" |
| exposure      | are highlights and shadows kept, is it neither dark nor washed out? | after Mertens et al. 2007 |
| contrast      | is the range of brightness used?                                    | Peli 1990, root-mean-square contrast |
| colourfulness | are there colours?                                                  | Hasler and Süsstrunk 2003 |
| low_noise     | are flat areas clean?                                               | Immerkær 1996 |
| resolution    | how many pixels, and how hard were they compressed?                 | see `_resolution` |

The total is the weighted geometric mean, so that one bad component is not bought off by the others. Dividing a
component by its best value among similar photos divides all their totals by the same number: the order of the totals
inside a series is the comparison inside the series. Between photos of different scenes the total is a gate and
nothing more (measured: it picks the kept photo of a series no better than chance when used as a taste).

Sharpness measures prefer noise and over-exposure: here the noise's share of the edges is subtracted,
noise has a component of its own, and clipped highlights are counted wherever the histogram piles up, not at 255 only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

# Tuned on half of the development photos, checked on the other half (tests/quality/test_scores.py).
WEIGHTS: Final = {
    "sharpness": 0.27,
    "exposure": 0.18,
    "contrast": 0.18,
    "colourfulness": 0.05,
    "low_noise": 0.22,
    "resolution": 0.10,
}
_FLOOR: Final = 0.02  # a component of zero would make every other one meaningless in a geometric mean
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601, what JPEG uses
_BOX: Final = 9  # blur of Crete et al.: a 9-tap mean
_LEAST_STRENGTH: Final = 0.01  # mean square in grey levels: below it there are no edges at all
_BLOCK: Final = 8
_FLATTEST: Final = 2  # per cent of the blocks
_FLATTEST_BIAS: Final = 0.69  # what they measure of white noise, being the flattest also by chance


@dataclass(frozen=True, slots=True)
class Source:
    """The file that the small copy was made from; `jpeg_quality` is 1..100, None for other formats."""

    width: int
    height: int
    jpeg_quality: float | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """The six components, 0..1 each, 1 at best."""

    sharpness: float
    exposure: float
    contrast: float
    colourfulness: float
    low_noise: float
    resolution: float

    @property
    def total(self) -> float:
        """Weighted geometric mean of the components, 0..1."""
        return math.exp(sum(w * math.log(max(getattr(self, name), _FLOOR)) for name, w in WEIGHTS.items()))

    def components(self) -> dict[str, float]:
        """The components by name, in the order of the class."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def assess(rgb: NDArray[np.uint8], source: Source) -> Quality:
    """Score an upright RGB picture of shape (height, width, 3), at most about 512 px long.

    A picture too small to be measured gets 0 for sharpness. Raises ValueError for another shape or type.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"expected uint8 RGB of shape (height, width, 3), got {rgb.dtype} {rgb.shape}")
    luma = rgb.astype(np.float32) @ _LUMA
    noise = noise_level(luma)
    return Quality(
        sharpness=_ramp(edge_sharpness(luma, noise), 0.0, 0.80),
        exposure=_exposure(rgb, luma, noise),
        contrast=_ramp(float(luma.std()) / 255, 0.0, 0.20),
        colourfulness=_ramp(colourfulness(rgb), 0.0, 45.0),
        low_noise=1.0 - _ramp(noise, 0.0, 8.7),
        resolution=_resolution(source),
    )


def edge_sharpness(luma: Plane, noise: float) -> float:
    """Share of the edges' strength that a 9-tap mean takes away, the worse of both directions, 0..1.

    A sharp picture loses most of its neighbour differences to a blur, a blurred one hardly any (1 − the blur effect).
    The strength is the root mean square, so that the share of the noise, of standard deviation `noise` in grey
    levels, can be subtracted: a difference of two pixels has twice its variance, of two neighbouring means an 81st of that.
    """
    return min(_lost_to_blur(luma, noise), _lost_to_blur(np.ascontiguousarray(luma.T), noise))


def _lost_to_blur(plane: Plane, noise: float) -> float:
    if plane.shape[0] <= _BOX:
        return 0.0
    edges = plane[1:] - plane[:-1]
    # The difference of two neighbouring means is that of two values nine apart.
    blurred = (plane[_BOX:] - plane[:-_BOX]) / _BOX
    strength = float(np.vdot(edges, edges)) / edges.size - 2 * noise**2
    left = float(np.vdot(blurred, blurred)) / blurred.size - 2 * noise**2 / _BOX**2
    if strength <= _LEAST_STRENGTH:
        return 0.0
    return 1.0 - math.sqrt(min(max(left, 0.0) / strength, 1.0))


def noise_level(luma: Plane) -> float:
    """Standard deviation of the noise in grey levels: Immerkær's operator in the flattest 8 × 8 blocks.

    Blocks at the end of the scale are left out: clipping hides the noise. A picture with nothing else has none.
    """
    if min(luma.shape) < 2 * _BLOCK:
        return 0.0
    rows = luma[:-2] - 2 * luma[1:-1] + luma[2:]
    response = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])
    strength = _block_means(response) * (math.sqrt(math.pi / 2) / 6)
    brightness = _block_means(luma[1:-1, 1:-1])
    usable = strength[(brightness > 8) & (brightness < 245)]
    return float(np.percentile(usable, _FLATTEST)) / _FLATTEST_BIAS if usable.size >= 8 else 0.0


def colourfulness(rgb: NDArray[np.uint8]) -> float:
    """Hasler and Süsstrunk's M3: 0 none, 15 slight, 33 moderate, 45 average, 59 quite, 82 high, 109 extreme."""
    small = rgb[::2, ::2].astype(np.float32)
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    red_green = red - green
    yellow_blue = (red + green) / 2 - blue
    spread = math.hypot(float(red_green.std()), float(yellow_blue.std()))
    return spread + 0.3 * math.hypot(float(red_green.mean()), float(yellow_blue.mean()))


def _exposure(rgb: NDArray[np.uint8], luma: Plane, noise: float) -> float:
    """Product of: highlights kept, shadows kept, range reached, and a brightness near the middle.

    Clipping shows as a pile at either end of the histogram. It is looked for at the picture's own end, because a
    darkened or re-encoded clipped picture no longer reaches 255.
    """
    brightest = np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    highest = np.bincount(brightest.ravel(), minlength=256) / brightest.size
    cumulated = np.cumsum(highest)
    white = int(np.searchsorted(cumulated, 0.999))
    black = int(np.searchsorted(cumulated, 0.001))
    pile = 8 + round(2 * noise)
    burnt = float(highest[max(white - pile, 0) :].sum())
    drowned = float(highest[: black + pile + 1].sum()) if black < 12 else 0.0
    mean = float(luma.mean()) / 255
    off = max(0.30 - mean, mean - 0.60, 0.0)
    middle = math.exp(-(off**2) / (2 * 0.10**2))
    return (1 - _ramp(burnt, 0.0, 0.45)) * (1 - _ramp(drowned, 0.02, 0.6)) * _ramp(white, 40, 255) * middle


def _resolution(source: Source) -> float:
    """Pixels on a logarithmic scale, 0.1 to 8 megapixels, less up to three quarters for JPEG below quality 75.

    Eight megapixels print at A4 with 250 dpi; 75 is libjpeg's default. The bits a pixel takes say less: noise takes
    many (measured: by bits alone a noisy copy beats its original one time in eight).
    """
    pixels = max(source.width * source.height, 1)
    size = _ramp(math.log2(pixels / 1e6), math.log2(0.1), math.log2(8))
    kept = 1.0 if source.jpeg_quality is None else _ramp(source.jpeg_quality, 10, 75)
    return size * (0.25 + 0.75 * kept)


def _block_means(plane: Plane) -> Plane:
    height, width = (side - side % _BLOCK for side in plane.shape)
    tiles = plane[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    means: Plane = tiles.mean(axis=(1, 3))
    return means


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high`, straight in between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
