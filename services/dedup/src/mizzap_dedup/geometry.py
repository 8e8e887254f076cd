"""The second look at a pair: does one picture lie upon the other?

Most copies do as they are, or turned: that is seen at once. Those that were cropped, framed, straightened or
captioned are laid upon each other by points that are found again in the same arrangement (SIFT, an affine map fitted
to them). 5 ms for the first kind, 50 ms for a photo's points and 30 ms a pair for the second, beside the decoding:
only candidates come here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from mizzap_dedup.bars import trim_bars_box
from mizzap_dedup.fingerprint import PDQ_CANDIDATE, UNTURNED, Look, Pixels, turned
from mizzap_dedup.overlay import Overlay, lay_mapped_upon, lay_upon

Grey = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
Points = npt.NDArray[np.float32]

LEAST_INLIERS: Final = 15
LEAST_ALIGNED: Final = 0.6
"""Both as measured over 660 queries without a false pair (docs/adr/0005) and in tests/quality."""

LEAST_GRAIN: Final = 0.5
"""Share of the blocks; see overlay.GRAIN_AGREEMENT for what it was measured on."""

MOST_POINTS: Final = 800
RATIO: Final = 0.8
"""Lowe 2004, section 7.1: the nearest descriptor must be this much nearer than the second."""

REPROJECTION_PIXELS: Final = 3.0

STRETCH: Final = 2.1
"""How differently the two axes may be scaled: a square avatar of a 2:1 photo is still that photo."""

OUTSIDE: Final = 0.01
"""How far, as a share of the longer side, a copy may reach beyond its original: what a fitted map is off by."""

BREATHING: Final = 0.02
"""How far, as a share of the longer side, focusing moves a picture's corners; less than any crop worth making."""

SAME_SHAPE: Final = 0.02
"""How much two aspect ratios may differ for the pictures to cover each other: rounding, when both are shrunk."""

BLANK_LEVELS: Final = 3
"""A picture whose levels (of 256) span no more is of one colour; two such are as alike as their colours."""


@dataclass(frozen=True)
class Alignment:
    """What came of laying one photo upon another.

    `aligned` and `grain` are the shares of blocks that agree (see overlay.Overlay); `inliers` the points that agree on
    one affine map, None where the pictures cover each other as they are. `contained` says that one photo lies within
    the other, as a copy does and the next frame of a walk or a burst does not. `refocused` says that sharpness went
    from some places to others. `blank`: both are of one colour, the same, and of one shape.
    """

    aligned: float
    grain: float
    inliers: int | None
    mirrored: bool
    contained: bool
    refocused: bool
    blank: bool = False

    @property
    def same_picture(self) -> bool:
        found = self.inliers is None or self.inliers >= LEAST_INLIERS
        return found and self.aligned >= LEAST_ALIGNED and self.contained and not self.refocused

    @property
    def same_grain(self) -> bool:
        """Enough for pictures with little to see: the same noise, to the pixel, or the same nothing."""
        return self.blank or (self.inliers is None and self.grain >= LEAST_GRAIN)

    @property
    def other_frame(self) -> bool:
        """Whether it shows the same motif in another shot: from elsewhere, or focused elsewhere."""
        return self.refocused or (self.aligned >= LEAST_ALIGNED and not self.contained)


class View:
    """A photo's shrunk copy with its points, found once and used for every candidate."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.grey: Grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)

    @cached_property
    def points(self) -> tuple[Points, Points]:
        """Positions (n, 2) and RootSIFT descriptors (n, 128) (Arandjelović and Zisserman 2012)."""
        sift: Any = cv2.SIFT.create(nfeatures=MOST_POINTS)
        found, descriptors = sift.detectAndCompute(self.grey, None)
        if descriptors is None:
            return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
        positions = np.array([point.pt for point in found], np.float32)
        return positions, np.sqrt(descriptors / (descriptors.sum(axis=1, keepdims=True) + 1e-7))

    @cached_property
    def mirror(self) -> "View":
        return View(np.ascontiguousarray(self.pixels[:, ::-1]))

    @cached_property
    def corners(self) -> Matrix:
        """The four corners (4, 2) of the photo inside its bars."""
        top, bottom, left, right = trim_bars_box(self.pixels)
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)

    @cached_property
    def blank(self) -> bool:
        return bool((self.pixels.max(axis=(0, 1)) - self.pixels.min(axis=(0, 1))).max() < BLANK_LEVELS)


def look_twice(photo: View, candidate: View, look: Look) -> Alignment:
    """Lay the two upon each other: as `look` says they are turned, and if that doesn't fit, by their points."""
    if look.distance > PDQ_CANDIDATE:
        look = UNTURNED  # the best of eight turns that all don't fit says nothing
    if photo.blank and candidate.blank:
        return _compare_colours(photo, candidate)
    covering = None if look.trimmed else _as_they_are(photo, candidate, look)
    if covering is not None and (covering.aligned >= LEAST_ALIGNED or covering.same_grain):
        return covering
    fitted = _by_points(photo, candidate, look)
    return covering if covering is not None and covering.aligned > fitted.aligned else fitted


def _compare_colours(photo: View, candidate: View) -> Alignment:
    difference = np.abs(photo.pixels.mean(axis=(0, 1)) - candidate.pixels.mean(axis=(0, 1))).max()
    shapes = [sorted(view.grey.shape) for view in (photo, candidate)]
    same = bool(difference < BLANK_LEVELS) and _same_shape(*shapes)
    return Alignment(0.0, 0.0, None, mirrored=False, contained=same, refocused=False, blank=same)


def _same_shape(left: Sequence[int], right: Sequence[int]) -> bool:
    return abs(math.log(left[0] / left[1] * right[1] / right[0])) <= SAME_SHAPE


def _as_they_are(photo: View, candidate: View, look: Look) -> Alignment | None:
    """None where the two are not of one shape."""
    grey = turned(photo.grey, look.turn)
    if not _same_shape(grey.shape, candidate.grey.shape):
        return None
    overlay = lay_upon(grey, candidate.grey)
    return Alignment(overlay.aligned, overlay.grain, None, look.mirrored, contained=True, refocused=overlay.refocused)


def _by_points(photo: View, candidate: View, look: Look) -> Alignment:
    """Quarter turns need no telling: SIFT's points turn with the picture. Mirror images are tried."""
    likelier = _fit(photo, candidate, look.mirrored)
    if likelier.same_picture:
        return likelier
    other = _fit(photo, candidate, not look.mirrored)
    return other if other.same_picture or other.aligned > likelier.aligned else likelier


def _fit(photo: View, candidate: View, mirrored: bool) -> Alignment:
    other = candidate.mirror if mirrored else candidate
    theirs, ours = _common_points(other, photo)
    matrix, inliers = _affine(theirs, ours)
    if matrix is None:
        return Alignment(0.0, 0.0, inliers, mirrored, contained=False, refocused=False)
    overlay = _lay(photo, other, matrix)
    # where one was moved upon the other, its resampling blurs some places more than others
    refocused = overlay.refocused and _unmoved(photo, other, matrix)
    return Alignment(overlay.aligned, overlay.grain, inliers, mirrored, _contained(photo, other, matrix), refocused)


def _common_points(left: View, right: View) -> tuple[Points, Points]:
    """Positions (n, 2) in both of the points whose descriptors are each other's clear nearest."""
    (places, descriptors), (other_places, other_descriptors) = left.points, right.points
    if len(places) < 2 or len(other_places) < 2:
        return places[:0], other_places[:0]
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(descriptors, other_descriptors, k=2)
    clear = [first for first, second in pairs if first.distance < RATIO * second.distance]
    best: dict[int, cv2.DMatch] = {}
    for match in sorted(clear, key=lambda match: (match.distance, match.queryIdx)):
        best.setdefault(match.trainIdx, match)
    return (
        places[[match.queryIdx for match in best.values()]],
        other_places[[match.trainIdx for match in best.values()]],
    )


def _affine(theirs: Points, ours: Points) -> tuple[Matrix | None, int]:
    """The map (2, 3) that most points agree on and how many do; no map where too few do or no editing makes it."""
    if len(theirs) < LEAST_INLIERS:
        return None, len(theirs)
    # RANSAC's generator has a fixed seed in OpenCV: the same pair gives the same answer
    found, agreeing = cv2.estimateAffine2D(
        theirs, ours, method=cv2.RANSAC, ransacReprojThreshold=REPROJECTION_PIXELS, maxIters=2000, confidence=0.999
    )
    if found is None:
        return None, 0
    matrix, inliers = np.asarray(found, np.float64), int(np.asarray(agreeing).sum())
    return (matrix if inliers >= LEAST_INLIERS and _plausible(matrix) else None), inliers


def _plausible(matrix: Matrix) -> bool:
    """Whether an affine map turns, moves, scales and at most stretches along an axis: what editing does."""
    if np.linalg.det(matrix[:, :2]) <= 0:
        return False
    across, down = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return bool(across / down <= STRETCH)


def _unmoved(photo: View, other: View, matrix: Matrix) -> bool:
    """Whether the map leaves the corners where they are but for what a lens does when it is focused elsewhere."""
    height, width = photo.grey.shape
    other_height, other_width = other.grey.shape
    corners = np.array([(x, y) for x in (0.0, 1.0) for y in (0.0, 1.0)])
    moved = _mapped(corners * (other_width, other_height), matrix) - corners * (width, height)
    return bool(np.abs(moved).max() <= BREATHING * max(height, width))


def _contained(photo: View, other: View, matrix: Matrix) -> bool:
    back = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    return _inside(photo, _mapped(other.corners, matrix)) or _inside(other, _mapped(photo.corners, back))


def _inside(view: View, corners: Matrix) -> bool:
    height, width = view.grey.shape
    slack = OUTSIDE * max(height, width)
    return bool((corners >= -slack).all() and (corners <= (width + slack, height + slack)).all())


def _mapped(points: Matrix, matrix: Matrix) -> Matrix:
    mapped: Matrix = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def _lay(photo: View, other: View, matrix: Matrix) -> Overlay:
    """Compare in the frame of the one with fewer pixels per motif, so that nothing is enlarged."""
    if np.linalg.det(matrix[:, :2]) <= 1:
        return lay_mapped_upon(photo.grey, other.grey, matrix)
    return lay_mapped_upon(other.grey, photo.grey, np.asarray(cv2.invertAffineTransform(matrix), np.float64))
