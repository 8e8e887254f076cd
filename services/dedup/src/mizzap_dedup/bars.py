"""Finds the bars around a photo in a screenshot, a letterboxed frame or a padded story."""

from typing import Final

import numpy as np
import numpy.typing as npt

LEVELS: Final = 12
"""How far from its bar's colour a pixel may be, of 256: JPEG's ringing beside the photo."""

COVER: Final = 0.85
"""Share of a line that must have the bar's colour. The rest is room for a clock, a battery, a caption's first words."""

LEAST_TRIMMED: Final = 0.04
"""Less of the area than this is no bar; one photo in five loses a little here, so trimming is a further probe only."""

LEAST_LEFT: Final = 0.1
"""Less of the area left over than this is no photo in bars, but a photo of something plain."""


def trim_bars(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | None:
    """The part of an image (height, width, 3) inside its plain bars; None when there are none worth trimming."""
    top, bottom, left, right = trim_bars_box(pixels)
    if (bottom - top, right - left) == pixels.shape[:2]:
        return None
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def trim_bars_box(pixels: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right (the ends exclusive) of what `trim_bars` keeps; the whole image if there are none."""
    height, width = pixels.shape[:2]
    grey = pixels[..., 1].astype(np.int16)
    top, bottom = _content(grey)
    if top < bottom:
        left, right = _content(grey[top:bottom].T)
        share = (bottom - top) * max(0, right - left) / grey.size
        if LEAST_LEFT <= share <= 1 - LEAST_TRIMMED:
            return top, bottom, left, right
    return 0, height, 0, width


def _content(grey: npt.NDArray[np.int16]) -> tuple[int, int]:
    """First and one past the last line that belongs to no bar: lines at each edge that keep the edge's colour."""
    return _bar(grey), len(grey) - _bar(grey[::-1])


def _bar(grey: npt.NDArray[np.int16]) -> int:
    """How many lines from the first on have the first one's colour; 0 if all have."""
    colour = np.median(grey[0])
    plain = (np.abs(grey - colour) <= LEVELS).mean(axis=1) >= COVER
    return int(np.argmin(plain)) if not plain.all() else 0
