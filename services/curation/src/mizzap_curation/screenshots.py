"""Screenshots: pictures that no lens has seen."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Measured: one photo of 191 has more (a cactus before a clipped sky), pictures framed on a phone's black screen have
# 0.38 to 0.81, half of them over 0.64. Lens, sensor noise and JPEG leave few neighbours exactly equal.
_PLAIN: Final = 0.5


def looks_like_screenshot(rgb: NDArray[np.uint8], has_camera: bool) -> bool:
    """Whether most of the picture is plain and no camera has signed it. `rgb` has the shape (height, width, 3)."""
    return not has_camera and plain_share(rgb) > _PLAIN


def plain_share(rgb: NDArray[np.uint8]) -> float:
    """Share of the pixels that equal their right and their lower neighbour, 0..1."""
    right = (rgb[:-1, :-1] == rgb[:-1, 1:]).all(axis=2)
    below = (rgb[:-1, :-1] == rgb[1:, :-1]).all(axis=2)
    plain = right & below
    return float(plain.mean()) if plain.size else 0.0
