"""What a photo looks like, in a few hundred bytes: the hashes that duplicates are found by.

All of it is computed from one upright copy of at most 512 pixels, since a hash of the full array costs ten times as
much and finds no more (docs/adr/0005).
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import imagehash
import numpy as np
import numpy.typing as npt
import pdqhash
from PIL import Image

from mizzap_dedup.bars import trim_bars

Pixels = npt.NDArray[np.uint8]
"""Upright sRGB, (height, width, 3)."""

LONGEST_SIDE: Final = 512
"""Pixels of the copy's longer side: both decoders shrink to it while loading."""

VERSION: Final = 1
"""Raised whenever the same photo would get other hashes, so that old rows are known and made anew."""

PDQ_BITS: Final = 256

PDQ_CANDIDATE: Final = 72
"""Bits. Up to here a pair is worth the second look; beyond 65 chance pairs begin."""

# PDQ's quality is the sum of its gradients; below this side its 64 × 64 grid holds mostly invented pixels
_LEAST_SIDE_FOR_PDQ = 48

MIRRORED_TURNS: Final = frozenset({4, 5, 6, 7})
"""Which of the eight turns, in pdqhash's order, are mirror images: flips by x, y and the two diagonals."""


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of one photo. Each PDQ hash is 256 bits in an int, each distance between two the count of bits that differ.

    `turns` are the PDQ hashes of the photo's eight flips and quarter turns, the photo as it is first; `trimmed` is
    the one of the photo without uniform bars at its edges (a screenshot's), None when there are none.
    """

    pixel_hash: str
    pdq_quality: int
    turns: tuple[int, ...]
    trimmed: int | None
    phash: int

    @property
    def pdq(self) -> int:
        return self.turns[0]

    @property
    def perceptual_hash(self) -> str:
        """imagehash's 64-bit pHash in 16 hexadecimal digits: the spec's `hash_perceptual`."""
        return f"{self.phash:016x}"


@dataclass(frozen=True)
class Look:
    """How far two photos' PDQ hashes are apart at best: bits, the turn that got there, whether bars were trimmed."""

    distance: int
    turn: int
    trimmed: bool

    @property
    def mirrored(self) -> bool:
        return self.turn in MIRRORED_TURNS


UNTURNED: Final = Look(PDQ_BITS, 0, False)
"""Nothing known: as far apart as can be."""


def fingerprint(pixels: Pixels, width: int, height: int) -> Fingerprint:
    """The hashes of a photo of `width` × `height` pixels, from its upright copy of at most 512 pixels.

    Raises ValueError for an array that is not (height, width, 3) of uint8.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"expected (height, width, 3) of uint8, not {pixels.shape} of {pixels.dtype}")
    turns, quality = pdqhash.compute_dihedral(pixels)
    if min(width, height) < _LEAST_SIDE_FOR_PDQ:
        quality = 0
    content = trim_bars(pixels)
    return Fingerprint(
        pixel_hash=hash_pixels(pixels, width, height),
        pdq_quality=int(quality),
        turns=tuple(_to_int(turn) for turn in turns),
        trimmed=None if content is None else _to_int(pdqhash.compute(content)[0]),
        phash=_to_int(imagehash.phash(Image.fromarray(pixels)).hash),
    )


def hash_pixels(pixels: Pixels, width: int, height: int) -> str:
    """SHA-256 over the shrunk pixels, the same for all eight ways to turn them, and over the full dimensions.

    Equal for files that hold the same picture with other metadata (EXIF edited or stripped, the orientation tag
    changed or lost, another thumbnail, a trailer), for a JPEG whose coding alone was changed (progressive, optimised
    Huffman tables), and for the same pixels in another lossless container. Not equal when a lossy picture was saved
    again, losslessly or not: JPEG decoders shrink in the frequency domain, so a JPEG and the PNG made of it differ by
    a level here and there. Those are found by PDQ.

    A difference must survive the shrinking to count: less than one level in 256 over a pixel of the 512 pixel copy
    does not.
    """
    digest = hashlib.sha256(f"{VERSION} {min(width, height)} {max(width, height)} ".encode())
    digest.update(_one_of_eight_turns(pixels))
    return digest.hexdigest()


def nearest_look(probe: Fingerprint, turn_zero: int, trimmed: int | None) -> Look:
    """The best agreement of `probe`, in all its turns and without its bars, with another photo's `pdq` and `trimmed`."""
    looks = [Look(distance(hash_, turn_zero), turn, False) for turn, hash_ in enumerate(probe.turns)]
    if probe.trimmed is not None:
        looks.append(Look(distance(probe.trimmed, turn_zero), 0, True))
    if trimmed is not None:
        looks.append(Look(distance(probe.pdq, trimmed), 0, True))
    if probe.trimmed is not None and trimmed is not None:
        looks.append(Look(distance(probe.trimmed, trimmed), 0, True))
    return min(looks, key=lambda look: (look.distance, look.trimmed, look.turn))


def turned(plane: npt.NDArray[np.uint8], turn: int) -> npt.NDArray[np.uint8]:
    """A picture in one of the eight turns, numbered as in `Fingerprint.turns`."""
    if turn < 4:
        return np.ascontiguousarray(np.rot90(plane, turn))
    if turn < 6:
        return np.ascontiguousarray(plane[::-1] if turn == 4 else plane[:, ::-1])
    return np.ascontiguousarray(np.swapaxes(plane if turn == 6 else np.rot90(plane, 2), 0, 1))


def distance(left: int, right: int) -> int:
    """Hamming distance in bits."""
    return (left ^ right).bit_count()


def _one_of_eight_turns(pixels: Pixels) -> bytes:
    """The turn whose bytes sort first: which of the eight a photo arrives in makes no difference."""
    turns = [np.rot90(side, quarter) for side in (pixels, pixels[:, ::-1]) for quarter in range(4)]
    first_rows = [turn[0].tobytes() for turn in turns]
    lowest = min(first_rows)
    # rows of one colour tie: then the whole arrays decide
    return min(turn.tobytes() for turn, row in zip(turns, first_rows, strict=True) if row == lowest)


def _to_int(bits: npt.NDArray[np.generic]) -> int:
    return int.from_bytes(np.packbits(bits.astype(np.uint8).ravel()).tobytes(), "big")
