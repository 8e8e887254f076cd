"""What the machine can do by itself: the steps of a photo with no bus, no database, no store around them."""

import hashlib
import io
import os
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageOps

PROCESSES = 2

_loaded: dict[str, Any] = {}
"""What a process keeps between photos: the embedding model."""


def _load() -> None:
    os.environ.update(VIPS_CONCURRENCY="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    from mizzap_common.models.choose import choose_bundle
    from mizzap_common.models.embedder import Embedder

    bundle = choose_bundle("development", None)
    if bundle:
        _loaded["embedder"] = Embedder(bundle)


def bare_steps(path: Path) -> None:
    """Everything that is done to one photo, with nothing around it."""
    from mizzap_common.imaging.decode import open_rgb, renditions
    from mizzap_common.imaging.metadata import read_metadata
    from mizzap_curation.quality import Source, assess
    from mizzap_dedup.fingerprint import fingerprint

    data = path.read_bytes()
    hashlib.sha256(data).hexdigest()
    hashlib.md5(data).hexdigest()
    metadata = read_metadata(data)
    renditions(data, (200, 400, 1200))
    rgb = open_rgb(data, 512)
    fingerprint(rgb, metadata.width, metadata.height)
    if embedder := _loaded.get("embedder"):
        embedder.embed(rgb)
    assess(rgb, Source(metadata.width, metadata.height))


def bare_duplicates(path: Path) -> None:
    """What finding duplicates takes of that, without the search."""
    from mizzap_common.imaging.decode import open_rgb
    from mizzap_common.imaging.metadata import read_metadata
    from mizzap_dedup.fingerprint import fingerprint

    data = path.read_bytes()
    metadata = read_metadata(data)
    rgb = open_rgb(data, 512)
    fingerprint(rgb, metadata.width, metadata.height)
    if embedder := _loaded.get("embedder"):
        embedder.embed(rgb)


def bare_loop(photos: list[Path], steps: Callable[[Path], None] = bare_steps) -> float:
    """Seconds for all photos; loading libraries and model is not counted."""
    with get_context("spawn").Pool(PROCESSES, _load) as pool:
        pool.map(steps, photos[:PROCESSES], chunksize=1)
        started = time.monotonic()
        pool.map(steps, photos, chunksize=1)
        return time.monotonic() - started


def pillow_renditions(path: Path) -> None:
    pillow_heif.register_heif_opener()
    with Image.open(path) as opened:
        opened.thumbnail((1200, 1200))
        image = ImageOps.exif_transpose(opened).convert("RGB")
    for side in (1200, 400, 200):
        image.thumbnail((side, side))
        image.save(io.BytesIO(), "JPEG", quality=82)


def hash_and_write(source: Path, target: Path) -> None:
    data = source.read_bytes()
    hashlib.sha256(data).hexdigest()
    hashlib.md5(data).hexdigest()
    with target.open("wb") as file:
        file.write(data)
        os.fsync(file.fileno())
