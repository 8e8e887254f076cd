"""The sample library is varied, the same each time, and has everything in it that MIZZAP must tell apart."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from mizzap_client.samples import make_samples
from mizzap_client.samples.collection import BURST_FRAMES, SHOTS, VARIANTS, photographed
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import IFD, Base


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_samples(tmp_path_factory.mktemp("samples"))


def test_as_many_files_as_it_says(samples: Path) -> None:
    files = [path for path in samples.rglob("*") if path.is_file()]
    assert len(files) == len(SHOTS) + BURST_FRAMES + len(VARIANTS) + 3 == 30


def test_the_same_bytes_each_time(samples: Path) -> None:
    for shot in (SHOTS[0], SHOTS[8]):
        assert photographed(shot) == (samples / shot.path).read_bytes()


def test_copies_are_exact(samples: Path) -> None:
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in samples.rglob("*") if path.is_file()]
    assert len(digests) - len(set(digests)) == 3


@pytest.mark.parametrize(
    "copy, source", [(copy, source) for copy, source, _ in VARIANTS if copy.endswith(("place.jpg", ".png"))]
)
def test_pixel_copies_have_the_same_pixels_and_no_metadata(samples: Path, copy: str, source: str) -> None:
    with Image.open(samples / copy) as one, Image.open(samples / source) as other:
        assert np.array_equal(np.asarray(one.convert("RGB")), np.asarray(other.convert("RGB")))
        assert not one.getexif() and other.getexif()


def test_scenes_differ_and_variants_don_t(samples: Path) -> None:
    def small(name: str) -> np.ndarray:
        with Image.open(samples / name) as image:
            grey = ImageOps.exif_transpose(image).convert("L").resize((16, 16))
        pixels = np.asarray(grey, np.float64).ravel()
        return (pixels - pixels.mean()) / pixels.std()

    scenes = {shot.path: small(shot.path) for shot in SHOTS}
    for copy, source, _ in VARIANTS:
        if "mirrored" not in copy:
            assert np.mean(small(copy) * scenes[source]) > 0.95, copy
    pairs = [(one, other) for one in scenes for other in scenes if one < other]
    assert max(np.mean(scenes[one] * scenes[other]) for one, other in pairs) < 0.9


def test_times_cameras_and_orientation_are_in_the_files(samples: Path) -> None:
    for shot in SHOTS:
        with Image.open(samples / shot.path) as image:
            exif = image.getexif()
            assert exif[Base.Model] == shot.camera[1]
            assert exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] == shot.taken.strftime("%Y:%m:%d %H:%M:%S")
            assert bool(exif.get_ifd(IFD.GPSInfo)) == bool(shot.place)
            upright = ImageOps.exif_transpose(image)
            assert (upright.height > upright.width) == shot.portrait


def test_the_burst_is_told_by_sub_seconds(samples: Path) -> None:
    times = set()
    for frame in range(BURST_FRAMES):
        with Image.open(samples / f"Home/IMG_{480 + frame:04d}.jpg") as image:
            exif = image.getexif().get_ifd(IFD.Exif)
            times.add((exif[Base.DateTimeOriginal], exif[Base.SubsecTimeOriginal]))
    assert sorted(times) == [("2025:08:30 07:15:20", part) for part in ("00", "28", "56", "84")]


def test_three_files_fail(samples: Path) -> None:
    for name in ("Backup/interrupted copy.jpg", "Backup/empty.jpg", "Home/notes.txt"):
        with pytest.raises((UnidentifiedImageError, OSError)), Image.open(samples / name) as image:
            image.load()
