"""How hard a JPEG was compressed, from its quantisation table."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image

_STANDARD_SUM: Final = 3688  # of the luminance table in ITU-T T.81, annex K.1: libjpeg's quality 50


def jpeg_quality(data: bytes) -> float | None:
    """The quality setting of libjpeg, 1..100, that gives a table as coarse as this file's. None if it is no JPEG.

    libjpeg scales the standard's table by 5000 / quality percent below 50 and by 200 − 2 quality above.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "MPO")) as image:
            tables: dict[int, list[int]] = getattr(image, "quantization", {})
    except Exception:
        # Pillow's parser raises whatever hostile bytes make it stumble over; libvips has read the picture itself
        return None
    if not tables:
        return None
    percent = 100 * sum(tables[min(tables)]) / _STANDARD_SUM
    quality = 5000 / percent if percent > 100 else (200 - percent) / 2
    return min(max(quality, 1.0), 100.0)
