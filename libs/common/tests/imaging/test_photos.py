"""Every real photo beside the project decodes, or is refused for a reason that is written down here."""

from pathlib import Path

from mizzap_common.imaging.decode import open_rgb
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.gate import read_header

# the formats that the product doesn't take, and the one file made to be cut off
REFUSED = {".tiff": "MEDIA_UNSUPPORTED", ".md": "MEDIA_UNSUPPORTED", ".tsv": "MEDIA_UNSUPPORTED"}
REFUSED_FILES = {"heif/heif_truncated/truncated.heic": "IMAGE_UNREADABLE"}


def test_every_real_photo(shared_photos: Path) -> None:
    decoded = 0
    for path in sorted(shared_photos.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(shared_photos).as_posix()
        expected = REFUSED_FILES.get(name) or REFUSED.get(path.suffix)
        data = path.read_bytes()
        try:
            header, pixels = read_header(data), open_rgb(data, 64)
        except ImageError as error:
            assert error.code == expected, f"{name}: {error.message}"
            continue
        assert expected is None, name
        width, height = header.size_within(64)
        assert abs(pixels.shape[1] - width) <= 1, name
        assert abs(pixels.shape[0] - height) <= 1, name
        decoded += 1
    assert decoded == 353


def test_orientations_of_one_photo_agree(shared_photos: Path) -> None:
    for name in ("Landscape", "Portrait"):
        upright = open_rgb((shared_photos / f"orientation/{name}_1.jpg").read_bytes(), 96).astype(int)
        for orientation in range(2, 9):
            other = open_rgb((shared_photos / f"orientation/{name}_{orientation}.jpg").read_bytes(), 96).astype(int)
            assert other.shape == upright.shape
            # the number written in the middle differs
            assert abs(other - upright).mean() < 8
