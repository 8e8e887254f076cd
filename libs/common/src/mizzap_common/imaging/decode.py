"""Pixels out of untrusted images: upright, sRGB, shrunk while loading, and only from files that are whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ImageUnreadable
from .gate import OpenImage, first_line, open_image
from .vips import pyvips

JPEG_QUALITY = 82
WHITE = 255

# Refuses damaged and cut off files, and lets pass what mere warnings are about: real cameras cause them. It goes into
# the loader's option string because thumbnail_buffer's own fail_on argument has no effect (libvips 8.18.7).
FAIL_ON = "fail_on=error"

# libvips' word for a bitmap in memory, by the number of channels
_INTERPRETATIONS = {1: "b-w", 2: "b-w", 3: "srgb", 4: "srgb"}


@dataclass(frozen=True)
class Rendition:
    """A smaller JPEG of a photo: `width` × `height`, made for the size `side` (the limit of its longest side)."""

    side: int
    width: int
    height: int
    data: bytes = field(repr=False)


def open_rgb(data: bytes, longest_side: int) -> npt.NDArray[np.uint8]:
    """The photo as uint8 (height, width, 3): upright, sRGB, transparency on white, first frame only.

    It is shrunk, never enlarged, until its longer side is at most `longest_side` pixels. Raises ImageError: a file
    that is damaged or cut off anywhere in its pixels is refused, not shown half grey.
    """
    pixels = _decode(open_image(data), longest_side).numpy()
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def renditions(data: bytes, sides: Sequence[int]) -> list[Rendition]:
    """Progressive sRGB JPEGs without any metadata, one per entry of `sides`, largest first, never enlarged.

    The photo is decoded once; each smaller rendition comes from the next larger one. Raises ImageError.
    """
    opened = open_image(data)
    made = []
    image: Any = None
    for side in sorted(set(sides), reverse=True):
        image = _decode(opened, side) if image is None else _shrunk(image, opened.header.size_within(side))
        encoded = image.jpegsave_buffer(Q=JPEG_QUALITY, interlace=True, keep="none")
        made.append(Rendition(side, image.width, image.height, encoded))
    return made


def encode_jpeg(rgb: npt.NDArray[np.uint8], quality: int = JPEG_QUALITY) -> bytes:
    """A progressive JPEG of uint8 (height, width, 3) pixels in sRGB."""
    encoded: bytes = _from_array(rgb).jpegsave_buffer(Q=quality, interlace=True, keep="none")
    return encoded


def _decode(opened: OpenImage, side: int) -> Any:
    """A libvips image in memory: three 8-bit sRGB channels, at most `side` pixels long."""
    size: dict[str, Any] = {"height": side, "size": "down"}
    if opened.has_profile:
        size["output_profile"] = "srgb"
    try:
        if opened.heif is not None:
            shrunk = _from_heic(opened.heif).thumbnail_image(side, **size)
        else:
            shrunk = pyvips.Image.thumbnail_buffer(opened.data, side, option_string=FAIL_ON, **size)
        return _flat_srgb(shrunk).copy_memory()
    except Exception as error:
        # see open_image: hostile bytes make the decoders raise almost anything
        raise ImageUnreadable(f"The image is damaged or cut off: {first_line(error)}") from error


def _from_heic(photo: Any) -> Any:
    pixels = np.asarray(photo)
    if pixels.dtype == np.uint16:  # grey of 10 and 12 bits, which libheif scales to 16
        pixels = (pixels >> 8).astype(np.uint8)
    image = _from_array(pixels)
    if "A" in photo.mode and photo.premultiplied_alpha:
        image = image.unpremultiply().cast("uchar")
    profile = photo.info.get("icc_profile")
    if profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def _from_array(pixels: npt.NDArray[np.uint8]) -> Any:
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    return image.copy(interpretation=_INTERPRETATIONS[image.bands])


def _shrunk(image: Any, size: tuple[int, int]) -> Any:
    width, height = size
    return image.thumbnail_image(width, height=height, size="force").copy_memory()


def _flat_srgb(image: Any) -> Any:
    image = image.colourspace("srgb")
    if image.hasalpha():
        image = image.flatten(background=WHITE)
    return image.cast("uchar")
