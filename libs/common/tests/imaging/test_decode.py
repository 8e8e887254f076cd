"""Pixels: the right way up, the right colours, whole, and nothing else in the renditions."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from mizzap_common.imaging.decode import encode_jpeg, open_rgb, renditions
from mizzap_common.imaging.errors import ImageUnreadable
from mizzap_common.imaging.metadata import read_metadata
from PIL import Image, ImageCms

UPRIGHT = ["red", "green", "blue", "white"]
KINDS = ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF"]

# what undoes each EXIF orientation's turn: applied to the upright picture, it gives the stored one
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_decodes_upright_and_shrunk(pictures: Any, kind: str) -> None:
    pixels = open_rgb(pictures.encode(pictures.quadrants(300, 200), kind), 120)
    assert pixels.shape == (80, 120, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags["C_CONTIGUOUS"]
    assert pictures.corners(pixels) == UPRIGHT


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(pictures: Any, orientation: int, kind: str) -> None:
    upright = pictures.quadrants(96, 64)
    stored = upright.transpose(STORED[orientation]) if orientation > 1 else upright
    exif = stored.getexif()
    exif[0x0112] = orientation
    data = pictures.encode(stored, kind, exif=exif)
    pixels = open_rgb(data, 500)
    assert pixels.shape == (64, 96, 3)
    assert pictures.corners(pixels) == UPRIGHT
    (rendition,) = renditions(data, [48])
    assert (rendition.width, rendition.height) == (48, 32)
    assert pictures.corners(np.asarray(Image.open(io.BytesIO(rendition.data)))) == UPRIGHT


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_off_file_is_refused_wherever_it_is_cut(pictures: Any, kind: str) -> None:
    data = pictures.encode(pictures.scene(), kind)
    assert open_rgb(data, 128).shape == (96, 128, 3)
    # the last bytes of some formats carry no pixels: a trailer, padding
    cuts = [int(len(data) * share) for share in (0.05, 0.3, 0.6, 0.9, 0.97)] + [
        random.Random(kind).randrange(100, len(data) - 200) for _ in range(10)
    ]
    for cut in cuts:
        with pytest.raises(ImageUnreadable):
            open_rgb(data[:cut], 128)
        with pytest.raises(ImageUnreadable):
            renditions(data[:cut], (200, 400))


def test_real_heic_is_refused_wherever_it_is_cut(shared_photos: Path) -> None:
    """libheif itself would show these, with one colour where tiles are missing."""
    data = (shared_photos / "immich-assets/formats/heic/IMG_2682.heic").read_bytes()
    for share in (0.2, 0.5, 0.9, 0.999):
        with pytest.raises(ImageUnreadable, match="cut off"):
            open_rgb(data[: int(len(data) * share)], 128)


def test_a_png_without_its_end_is_refused(pictures: Any) -> None:
    data = pictures.encode(pictures.scene(), "PNG")
    for missing in (1, 8, 12):
        with pytest.raises(ImageUnreadable, match="cut off"):
            open_rgb(data[:-missing], 128)


def test_grey_heic_of_ten_bits(pictures: Any) -> None:
    ramp = np.linspace(0, 65535, 128).astype(np.uint16)[:, None].repeat(64, axis=1)
    stored = pillow_heif.from_bytes("I;16", (64, 128), ramp.tobytes())
    buffer = io.BytesIO()
    stored.save(buffer, quality=-1)
    pixels = open_rgb(buffer.getvalue(), 128)
    assert np.abs(pixels[:, 30, 0].astype(int) - (ramp[:, 30] >> 8)).max() <= 2


def test_bytes_too_many_do_not_matter(pictures: Any) -> None:
    """Motion photos carry a video after the picture."""
    for kind in KINDS:
        data = pictures.encode(pictures.quadrants(), kind) + b"\0\0\0\x18ftypmp42" + b"\x55" * 5000
        assert pictures.corners(open_rgb(data, 100)) == UPRIGHT


def test_transparency_becomes_white(pictures: Any) -> None:
    image = pictures.quadrants().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    for kind in ("PNG", "WEBP", "HEIF", "AVIF"):
        assert open_rgb(pictures.encode(image, kind), 50).min() > 250


def test_grey_sixteen_bit_palette_and_cmyk(pictures: Any) -> None:
    image = pictures.quadrants()
    grey = open_rgb(pictures.encode(image.convert("L"), "JPEG"), 96)
    assert grey.shape == (64, 96, 3)
    assert abs(int(grey[4, 4, 0]) - image.convert("L").getpixel((4, 4))) < 4
    deep = Image.fromarray(np.full((20, 30), 0x8000, np.uint16))
    assert abs(int(open_rgb(pictures.encode(deep, "PNG"), 30)[5, 5, 1]) - 128) < 3
    assert pictures.corners(open_rgb(pictures.encode(image.convert("P"), "PNG"), 96)) == UPRIGHT
    assert pictures.corners(open_rgb(pictures.encode(image.convert("CMYK"), "JPEG"), 96)) == UPRIGHT


def test_only_the_first_frame(pictures: Any) -> None:
    other = Image.new("RGB", (96, 64), (0, 0, 0))
    for kind in ("GIF", "WEBP", "PNG"):
        data = pictures.encode(pictures.quadrants(), kind, save_all=True, append_images=[other] * 3)
        assert pictures.corners(open_rgb(data, 96)) == UPRIGHT


def swapped_profile() -> bytes:
    """A profile whose red is sRGB's green: what ignores it shows the wrong colour."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.find(b"rXYZ"), profile.find(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_colours_are_converted_from_the_embedded_profile(pictures: Any, kind: str) -> None:
    stored = Image.new("RGB", (64, 64), (200, 20, 20))
    red, green, blue = open_rgb(pictures.encode(stored, kind, icc_profile=swapped_profile()), 64)[30, 30]
    assert green > 150 > 60 > red
    assert blue < 60


@pytest.mark.parametrize("profile", [b"x", b"garbage" * 100, swapped_profile()[:200]])
def test_a_broken_profile_is_no_reason_to_refuse(pictures: Any, profile: bytes) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "HEIF", "AVIF"):
        data = pictures.encode(pictures.quadrants(), kind, icc_profile=profile)
        assert pictures.corners(open_rgb(data, 96)) == UPRIGHT


def test_renditions_have_the_sizes_asked_for(pictures: Any) -> None:
    made = renditions(pictures.encode(pictures.scene(1500, 1000), "JPEG"), (200, 400, 1200))
    assert [(rendition.side, rendition.width, rendition.height) for rendition in made] == [
        (1200, 1200, 800),
        (400, 400, 267),
        (200, 200, 133),
    ]
    for rendition in made:
        image = Image.open(io.BytesIO(rendition.data))
        assert (image.format, image.size) == ("JPEG", (rendition.width, rendition.height))
        assert image.info.get("progressive")


def test_renditions_are_never_enlarged(pictures: Any) -> None:
    made = renditions(pictures.encode(pictures.scene(320, 240), "PNG"), (200, 400, 1200))
    assert [(rendition.side, rendition.width) for rendition in made] == [(1200, 320), (400, 320), (200, 200)]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_renditions_carry_no_metadata(pictures: Any, kind: str) -> None:
    image = pictures.scene(300, 200)
    exif = image.getexif()
    exif[0x010E], exif[0x0110] = "CANARY-description", "CANARY-model"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 13.0), 3: "E", 4: (11.0, 34.0, 31.0)})
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>CANARY-xmp</x:xmpmeta>"
    data = pictures.encode(image, kind, exif=exif.tobytes(), xmp=xmp, icc_profile=swapped_profile())
    assert read_metadata(data).camera_model == "CANARY-model"
    for rendition in renditions(data, (100, 200)):
        assert b"CANARY" not in rendition.data
        for marker in (b"Exif", b"ICC_PROFILE", b"adobe"):
            assert marker not in rendition.data
        assert read_metadata(rendition.data).latitude is None


def test_encode_jpeg_round_trip(pictures: Any) -> None:
    pixels = np.asarray(pictures.quadrants())
    assert pictures.corners(open_rgb(encode_jpeg(pixels), 96)) == UPRIGHT
