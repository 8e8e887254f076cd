"""What keeps a photo out of the best moments as long as there are others."""

from __future__ import annotations

from typing import Final

from mizzap_curation.quality import Quality

# Measured on 191 development photos at 512 px: 11 have a fault, 7 of them nearly black. With a Gaussian blur of one pixel
# 40 % have one, of three pixels 99 %; at a third of the brightness 98 %.
_LEAST_TOTAL: Final = 0.50
_LEAST_SHARPNESS: Final = 0.50
_LEAST_EXPOSURE: Final = 0.10


def fault(quality: Quality, screenshot: bool) -> str | None:
    """Why the photo is not good enough, in a word or two for a sentence; None if it is."""
    if screenshot:
        return "a screenshot"
    if quality.sharpness < _LEAST_SHARPNESS:
        return "blurred"
    if quality.exposure < _LEAST_EXPOSURE:
        return "too dark or too bright"
    if quality.total < _LEAST_TOTAL:
        return "of low technical quality"
    return None
