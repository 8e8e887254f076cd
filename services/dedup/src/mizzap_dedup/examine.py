"""What child processes find out: of a new photo from its file, and of a pair by a second look."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from mizzap_common.imaging.decode import open_rgb
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.metadata import PhotoMetadata, read_metadata
from mizzap_common.models.bundle import Bundle
from mizzap_common.models.embedder import Embedder

from mizzap_dedup.fingerprint import LONGEST_SIDE, Fingerprint, Look, Pixels, fingerprint
from mizzap_dedup.geometry import Alignment, View, look_twice

_loaded: Final[dict[str, Embedder]] = {}


@dataclass(frozen=True)
class Examination:
    """``vector`` is None without a model or a consent; ``pixels`` the upright copy that a second look starts from."""

    fingerprint: Fingerprint
    metadata: PhotoMetadata
    vector: npt.NDArray[np.float32] | None
    pixels: Pixels


def load(bundle: Bundle | None) -> None:
    """Runs once in each child. One thread each: there are as many children as cores."""
    cv2.setNumThreads(1)
    if bundle is not None:
        _loaded["embedder"] = Embedder(bundle)


def examine(data: bytes, embed: bool) -> Examination:
    """Raises ImageError for what is no photo or damaged. Without ``embed`` no vector is computed."""
    pixels = open_rgb(data, LONGEST_SIDE)
    metadata = read_metadata(data)
    embedder = _loaded.get("embedder")
    return Examination(
        fingerprint(pixels, metadata.width, metadata.height),
        metadata,
        embedder.embed(pixels) if embedder and embed else None,
        pixels,
    )


def embed_text(text: str) -> npt.NDArray[np.float32]:
    """The text's vector in the photos' space; the model has one for texts."""
    return _loaded["embedder"].embed_text(text)


def look_again(pixels: Pixels, others: list[tuple[bytes, Look]]) -> list[Alignment | None]:
    """Lays each of the other files' pictures upon this one; None for a file that can't be read any more."""
    view = View(pixels)
    found: list[Alignment | None] = []
    for data, look in others:
        try:
            found.append(look_twice(view, View(open_rgb(data, LONGEST_SIDE)), look))
        except ImageError:
            found.append(None)
    return found
