"""What a child process finds out about a photo, from its whole file, with one decode."""

from dataclasses import dataclass
from datetime import datetime

from mizzap_common.imaging.decode import open_rgb
from mizzap_common.imaging.metadata import read_metadata

from mizzap_curation.compression import jpeg_quality
from mizzap_curation.quality import Quality, Source, assess
from mizzap_curation.screenshots import looks_like_screenshot

LONGEST_SIDE = 512
"""Pixels; what the scores' thresholds were measured at."""


@dataclass(frozen=True)
class Examination:
    """`taken_at` is the camera's local time, None when the photo doesn't say."""

    quality: Quality
    taken_at: datetime | None
    screenshot: bool


def examine(data: bytes) -> Examination:
    """Raises ImageError for what is no photo or damaged."""
    rgb = open_rgb(data, LONGEST_SIDE)
    metadata = read_metadata(data)
    source = Source(metadata.width, metadata.height, jpeg_quality(data))
    has_camera = bool(metadata.camera_make or metadata.camera_model)
    return Examination(assess(rgb, source), metadata.taken_at, looks_like_screenshot(rgb, has_camera))
