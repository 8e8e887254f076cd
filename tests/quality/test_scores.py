"""The technical quality on real photos: each beats its own degraded copies, through the decoder that the service uses.

Weights and ramps were tuned on the photos whose name's hash is even; the table is about the odd ones.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mizzap_common.imaging.decode import open_rgb
from mizzap_curation import quality
from mizzap_curation.compression import jpeg_quality
from PIL import Image, ImageOps

FOLDERS = ("cameras", "walks", "nextcloud", "immich-assets", "exif-samples/jpg", "pdq/reg-test-input", "brackets")
LARGEST = 4_200_000  # pixels, for the test's own time
LEAST_WINS = 0.95
Scored = dict[str, dict[str, tuple[np.ndarray, quality.Source]]]


def over_exposed(photo: Image.Image) -> Image.Image:
    """As if exposed so long that the brightest quarter of the picture clips."""
    pixels = np.asarray(photo, np.float32)
    gain = max(1.3, 255 / max(float(np.percentile(pixels.max(axis=2), 75)), 1))
    return Image.fromarray(np.clip(pixels * gain, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def transforms(shared_data: Path) -> dict[str, Callable[..., Image.Image]]:
    path = shared_data.parent / "tools" / "variants.py"
    if not path.exists():
        pytest.skip("the tool that makes variants is not here")
    spec = importlib.util.spec_from_file_location("variants", path)
    assert spec is not None and spec.loader is not None
    tool: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    made = {name: tool.TRANSFORMS[name] for name in ("blur", "noise", "darker", "jpeg30")}
    return made | {"over-exposed": (lambda photo, _: over_exposed(photo), "JPEG", {"quality": 90})}


def checking_photos(folder: Path) -> Iterator[tuple[str, bytes, Image.Image]]:
    seen = set()
    for path in sorted(
        p for name in FOLDERS for p in (folder / name).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg")
    ):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest in seen or int(hashlib.sha256(path.name.encode()).hexdigest(), 16) % 2 == 0:
            continue
        seen.add(digest)
        try:
            with Image.open(path) as image:
                if max(image.size) < 500 or image.width * image.height > LARGEST:
                    continue
                photo = ImageOps.exif_transpose(image).convert("RGB")
        except (OSError, SyntaxError, ValueError):
            continue  # a file that doesn't decode is no photo
        # the two black pictures among the broken samples have nothing that could degrade
        if np.asarray(photo.resize((64, 64))).std() > 4:
            yield str(path.relative_to(folder)), data, photo


@pytest.fixture(scope="module")
def pictures(shared_data: Path, transforms) -> Scored:
    """For each photo the small copy of the original and of each degraded one, decoded as in the service."""
    found: Scored = {}
    for name, data, photo in checking_photos(shared_data / "photos"):
        found[name] = {"original": decoded(data, photo)}
        for transform, (make, kind, options) in transforms.items():
            file = io.BytesIO()
            make(photo, random.Random(name)).save(file, kind, **options)
            found[name][transform] = decoded(file.getvalue(), photo)
    return found


def decoded(data: bytes, photo: Image.Image) -> tuple[np.ndarray, quality.Source]:
    return open_rgb(data, 512), quality.Source(photo.width, photo.height, jpeg_quality(data))


def share_of_wins(pictures: Scored, transform: str) -> tuple[float, int]:
    """In how many pairs the original has the higher total, and of how many.

    An under-exposed photo gains by a longer exposure: it makes no pair for that.
    """
    wins = []
    for variants in pictures.values():
        if transform == "over-exposed" and variants["original"][0].mean() < 64:
            continue
        original, degraded = (quality.assess(*variants[name]).total for name in ("original", transform))
        wins.append(original > degraded)
    return sum(wins) / len(wins), len(wins)


def test_the_original_beats_its_degraded_copies(pictures: Scored, transforms) -> None:
    assert len(pictures) > 50
    table = {name: share_of_wins(pictures, name) for name in transforms}
    print("\ndegradation     pairs  original wins")
    for name, (share, pairs) in table.items():
        print(f"{name:15} {pairs:5} {share:10.1%}")
    assert not {name: share for name, (share, _) in table.items() if share < LEAST_WINS}


def test_without_its_penalties_the_score_prefers_noise(pictures: Scored, monkeypatch) -> None:
    """The mutant that the table must be able to see: sharpness as it is usually measured."""
    monkeypatch.setattr(quality, "noise_level", lambda luma: 0.0)
    share, _ = share_of_wins(pictures, "noise")
    assert share < 0.5
