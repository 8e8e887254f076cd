"""What is refused before a single pixel is decoded."""

import pickle
import resource
import struct
import zlib
from typing import Any

import pytest
from mizzap_common.imaging.errors import ImageError, ImageTooLarge, ImageUnreadable, MediaUnsupported
from mizzap_common.imaging.gate import ImageHeader, read_header


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def gif(width: int, height: int, frames: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b";"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF"])
def test_size_and_kind(pictures: Any, kind: str) -> None:
    header = read_header(pictures.encode(pictures.quadrants(96, 64), kind))
    mime = {"HEIF": "image/heic"}.get(kind, f"image/{kind.lower()}")
    assert header == ImageHeader(mime, 96, 64, orientation=1)


@pytest.mark.parametrize(("orientation", "size"), [(1, (96, 64)), (3, (96, 64)), (6, (64, 96)), (8, (64, 96))])
def test_the_size_is_the_one_displayed(pictures: Any, orientation: int, size: tuple[int, int]) -> None:
    image = pictures.quadrants(96, 64)
    exif = image.getexif()
    exif[0x0112] = orientation
    header = read_header(pictures.encode(image, "JPEG", exif=exif))
    assert (header.width, header.height, header.orientation) == (*size, orientation)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png(12_000, 9_000), "108 megapixels"),
        (png(30_001, 10), "30,000 a side"),
        (png(10, 30_001), "30,000 a side"),
        (gif(40_000, 40_000, 1), "a side"),
        (gif(10, 10, 2_001), "2,001 frames"),
    ],
)
def test_bombs_are_refused_without_decoding(data: bytes, message: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageTooLarge, match=message) as refused:
        read_header(data)
    assert refused.value.code == "IMAGE_TOO_LARGE"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "KiB were taken"


def test_the_limits_themselves_pass() -> None:
    assert read_header(png(10_000, 10_000)).width == 10_000
    assert read_header(png(30_000, 10)).width == 30_000


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", ImageUnreadable),
        (b"\xff\xd8\xff\xe0", ImageUnreadable),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, ImageUnreadable),
        (b"GIF89a", ImageUnreadable),
        (b"RIFF\x10\0\0\0WEBPVP8 ", ImageUnreadable),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 50, ImageUnreadable),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + b"\0" * 50, ImageUnreadable),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>", MediaUnsupported),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp41", MediaUnsupported),
        (b"hello", MediaUnsupported),
    ],
)
def test_what_is_no_photo_says_why(data: bytes, error: type[ImageError]) -> None:
    with pytest.raises(error) as refused:
        read_header(data)
    assert len(refused.value.message) > 10


def test_errors_survive_pickling() -> None:
    for error in (ImageUnreadable("cut off"), ImageTooLarge("too large"), MediaUnsupported("no photo")):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), copy.code, copy.message, str(copy)) == (type(error), error.code, error.message, str(error))
