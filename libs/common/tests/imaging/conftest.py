"""Pictures made on the spot, and the real ones beside the project."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

pillow_heif.register_heif_opener()

SHARED_PHOTOS = Path(__file__).resolve().parents[4].parent / "shared" / "data" / "photos"

# upright: red and green above, blue and white below
RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 40), (30, 40, 210), (255, 255, 255)

Encode = Callable[..., bytes]


def quadrants(width: int = 96, height: int = 64) -> Image.Image:
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, WHITE
    return Image.fromarray(pixels)


def scene(width: int = 640, height: int = 480) -> Image.Image:
    """Something that doesn't compress to nothing, so that a cut hits pixels."""
    noise = np.random.default_rng(7).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def corners(pixels: np.ndarray) -> list[str]:
    """The colours of the four corners: above left and right, below left and right."""
    height, width = pixels.shape[:2]
    names = {"red": RED, "green": GREEN, "blue": BLUE, "white": WHITE}
    spots = [pixels[y, x] for y in (height // 4, -height // 4) for x in (width // 4, -width // 4)]
    return [
        min(names, key=lambda name: int(np.abs(np.asarray(spot, np.int64) - np.asarray(names[name])).sum()))
        for spot in spots
    ]


@pytest.fixture
def pictures() -> Any:
    """This module's pictures and `encode`, for tests that can't import it."""

    class Pictures:
        quadrants = staticmethod(quadrants)
        scene = staticmethod(scene)
        corners = staticmethod(corners)

        @staticmethod
        def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
            buffer = io.BytesIO()
            image.save(buffer, kind, **options)
            return buffer.getvalue()

    return Pictures


@pytest.fixture(scope="session")
def shared_photos() -> Iterator[Path]:
    if not SHARED_PHOTOS.is_dir():
        pytest.skip(f"the real photos are not there: {SHARED_PHOTOS}")
    yield SHARED_PHOTOS
