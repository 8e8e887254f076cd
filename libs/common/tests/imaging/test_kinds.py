"""What a file's first bytes say."""

import subprocess
import sys

import pytest
from mizzap_common.imaging import kinds


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible)
    return (len(body) + 4).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\xff\xd8\xff\xe1\x00\x10Exif", "image/jpeg"),
        (b"\xff\xd8\xff\xdb", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x01\x00\x00WEBPVP8X", "image/webp"),
        (ftyp(b"heic", b"mif1", b"heic"), "image/heic"),
        (ftyp(b"heix", b"mif1"), "image/heic"),
        (ftyp(b"hevc", b"msf1"), "image/heic"),
        (ftyp(b"mif1", b"mif1", b"heic"), "image/heic"),
        (ftyp(b"msf1", b"hevc"), "image/heic"),
        (ftyp(b"avif", b"mif1", b"miaf"), "image/avif"),
        (ftyp(b"mif1", b"miaf", b"avif"), "image/avif"),
        (b"", None),
        (b"\xff\xd8", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"<?xml version='1.0'?><svg/>", None),
        (b"II*\x00\x08\x00\x00\x00", None),
        (b"MM\x00*", None),
        (b"%PDF-1.7", None),
        (b"8BPS\x00\x01", None),
        (b"RIFF\x00\x01\x00\x00WAVE", None),
        (b"RIFF\x00\x01\x00\x00AVI LIST", None),
        (ftyp(b"isom", b"mp41"), None),
        (ftyp(b"qt  "), None),
        (b"plain text", None),
        # a video that names a picture's brand beyond the end of its first box
        (ftyp(b"mp42") + b"\0\0\0\x18mif1heicavif", None),
    ],
)
def test_only_the_allow_list_is_recognised(head: bytes, mime: str | None) -> None:
    assert kinds.sniff(head) == mime
    assert mime is None or mime in kinds.EXTENSIONS


@pytest.mark.parametrize(
    "head",
    [ftyp(b"isom"), ftyp(b"qt  "), ftyp(b"3gp5"), b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI LIST", b"\0\0\0\x08wide\0\0"],
)
def test_a_video_is_told_that_it_comes_later(head: bytes) -> None:
    assert kinds.is_video(head)
    assert kinds.refusal(head) == "Videos are not supported yet."


@pytest.mark.parametrize("head", [b"", b"text", b"%PDF-1.7", b"<svg/>", b"II*\0"])
def test_anything_else_hears_what_is_supported(head: bytes) -> None:
    assert not kinds.is_video(head)
    assert "JPEG, PNG, WebP, HEIC, AVIF and GIF" in kinds.refusal(head)


def test_the_gateway_needs_no_decoder_for_it() -> None:
    heavy = "{'numpy', 'PIL', 'pyvips', 'pillow_heif'}"
    program = (
        f"import sys, mizzap_common.imaging.kinds, mizzap_common.imaging.errors; print({heavy} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
