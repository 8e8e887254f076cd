"""Looks at an image's header before anything is decoded, so that a small file can't claim a huge memory."""

from dataclasses import dataclass, field
from typing import Any

import pillow_heif

from .container import is_cut_off
from .errors import ImageError, ImageTooLarge, ImageUnreadable, MediaUnsupported
from .kinds import HEAD_BYTES, refusal, sniff
from .vips import pyvips

MAX_PIXELS = 100_000_000
MAX_SIDE = 30_000
MAX_FRAMES = 2_000

# the grid tiles and the alpha plane of one photo are decoded one after another by this process's only thread
pillow_heif.options.DECODE_THREADS = 1


@dataclass(frozen=True)
class ImageHeader:
    """What a file says of itself. Width and height are as displayed, after the EXIF orientation (1–8).

    HEIC and AVIF turn their pixels by the container's own properties, so their orientation is always 1 here.
    """

    mime: str
    width: int
    height: int
    orientation: int

    def size_within(self, side: int) -> tuple[int, int]:
        """Width and height as displayed when shrunk, never enlarged, until the longer side is at most `side`."""
        scale = min(1.0, side / max(self.width, self.height))
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))


@dataclass(frozen=True)
class OpenImage:
    """A file that passed the gate, with the decoder's handle: for `decode` and `metadata`, not decoded yet.

    `has_profile` says whether its colours need an ICC transform to become sRGB, which costs as much as decoding.
    """

    header: ImageHeader
    has_profile: bool
    data: bytes = field(repr=False)
    exif: bytes | None = field(repr=False)
    xmp: bytes | None = field(repr=False)
    heif: Any = field(repr=False, default=None)


def read_header(data: bytes) -> ImageHeader:
    """The header of a whole file.

    Raises MediaUnsupported (no format on the allow-list), ImageTooLarge (over 100 megapixels, 30,000 pixels a
    side or 2,000 frames: limits measured against decompression bombs) and ImageUnreadable.
    """
    return open_image(data).header


def open_image(data: bytes) -> OpenImage:
    """As `read_header`, with what is needed to go on. Raises the same errors."""
    if not data:
        raise ImageUnreadable("The file is empty.")
    head = data[:HEAD_BYTES]
    mime = sniff(head)
    if mime is None:
        raise MediaUnsupported(refusal(head))
    if is_cut_off(data, mime):
        raise ImageUnreadable("The file is cut off.")
    try:
        return _open_heic(data) if mime == "image/heic" else _open_with_vips(data, mime)
    except ImageError:
        raise
    except Exception as error:
        # the decoders raise a dozen types on hostile bytes (SyntaxError, OverflowError, RuntimeError …)
        raise ImageUnreadable(f"The image's header can't be read: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """The first sentence of a decoder's complaint, short enough for an API answer."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]


def _check_size(width: int, height: int, frames: int) -> None:
    if width < 1 or height < 1:
        raise ImageUnreadable("The image has no pixels.")
    if width > MAX_SIDE or height > MAX_SIDE:
        raise ImageTooLarge(f"The image has {width} × {height} pixels; {MAX_SIDE:,} a side is the limit.")
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(f"The image has {width * height / 1e6:.0f} megapixels; {MAX_PIXELS // 10**6} is the limit.")
    if frames > MAX_FRAMES:
        raise ImageTooLarge(f"The image has {frames:,} frames; {MAX_FRAMES:,} is the limit.")


def _open_with_vips(data: bytes, mime: str) -> OpenImage:
    image = pyvips.Image.new_from_buffer(data, "", access="sequential")
    fields = set(image.get_fields())
    _check_size(image.width, image.height, image.get("n-pages") if "n-pages" in fields else 1)
    orientation = image.get("orientation") if "orientation" in fields and mime != "image/avif" else 1
    if not 1 <= orientation <= 8:
        orientation = 1
    width, height = (image.height, image.width) if orientation >= 5 else (image.width, image.height)
    return OpenImage(
        header=ImageHeader(mime, width, height, orientation),
        has_profile="icc-profile-data" in fields or image.interpretation == "cmyk",
        data=data,
        exif=image.get("exif-data") if "exif-data" in fields else None,
        xmp=image.get("xmp-data") if "xmp-data" in fields else None,
    )


def _open_heic(data: bytes) -> OpenImage:
    container = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    photo: Any = container[container.primary_index]
    width, height = photo.size
    _check_size(width, height, len(container))
    return OpenImage(
        header=ImageHeader("image/heic", width, height, orientation=1),
        has_profile=bool(photo.info.get("icc_profile")),
        data=data,
        exif=photo.info.get("exif"),
        xmp=photo.info.get("xmp"),
        heif=photo,
    )
