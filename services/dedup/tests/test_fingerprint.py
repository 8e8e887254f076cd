"""Hashes agree for copies and turns of a picture, and for nothing else."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from mizzap_dedup.bars import trim_bars
from mizzap_dedup.fingerprint import PDQ_BITS, distance, fingerprint, hash_pixels, nearest_look, turned

Pixels = npt.NDArray[np.uint8]
Painter = Callable[[int], Pixels]


def look(left: Pixels, right: Pixels) -> tuple[int, int, bool]:
    found = nearest_look(
        fingerprint(left, 4000, 3000), fingerprint(right, 4000, 3000).pdq, fingerprint(right, 4000, 3000).trimmed
    )
    return found.distance, found.turn, found.trimmed


@pytest.mark.parametrize("turn", range(8))
def test_every_turn_is_recognised_as_what_it_is(scene: Painter, turn: int) -> None:
    picture = scene(1)
    bits, found, _ = look(picture, turned(picture, turn))
    assert (bits <= 16, found) == (True, turn)


@pytest.mark.parametrize("turn", range(8))
def test_turned_pixels_are_the_same_pixels(scene: Painter, turn: int) -> None:
    picture = scene(2)
    other = turned(picture, turn)
    assert hash_pixels(other, *other.shape[1::-1]) == hash_pixels(picture, *picture.shape[1::-1])


def test_one_level_more_is_another_picture(scene: Painter) -> None:
    picture = scene(3)
    changed = picture.copy()
    changed[100, 100, 1] ^= 1
    assert hash_pixels(changed, 4000, 3000) != hash_pixels(picture, 4000, 3000)


def test_the_same_thumbnail_of_another_size_is_another_picture(scene: Painter) -> None:
    assert hash_pixels(scene(3), 4000, 3000) != hash_pixels(scene(3), 2000, 1500)


def test_plain_pictures_hash_too() -> None:
    black = np.zeros((384, 512, 3), np.uint8)
    assert fingerprint(black, 4000, 3000).pdq_quality == 0
    assert hash_pixels(black, 4000, 3000) == hash_pixels(np.ascontiguousarray(np.rot90(black)), 3000, 4000)


def test_another_picture_is_far(scene: Painter) -> None:
    distances = [look(scene(left), scene(right))[0] for left in range(4) for right in range(4, 8)]
    assert min(distances) > 72


def test_a_smaller_softer_copy_is_near(scene: Painter) -> None:
    picture = scene(5)
    small = cv2.GaussianBlur(cv2.resize(picture, (256, 192), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    assert look(picture, small)[0] <= 31
    left, right = fingerprint(picture, 4000, 3000), fingerprint(small, 1000, 750)
    assert distance(left.phash, right.phash) <= 7
    assert len(left.perceptual_hash) == 16


def test_a_screenshot_is_recognised_without_its_bars(scene: Painter) -> None:
    picture = scene(6)
    screen = np.zeros((900, 512, 3), np.uint8)
    screen[300:684] = picture
    cv2.putText(screen, "9:41", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    bits, _, trimmed = look(picture, screen)
    assert (bits <= 31, trimmed) == (True, True)
    content = trim_bars(screen)
    assert content is not None
    assert content.shape[:2] == (384, 512)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((384, 512, 3), np.uint8),
        np.concatenate([np.zeros((200, 512, 3), np.uint8), np.full((184, 512, 3), 255, np.uint8)]),
        np.zeros((1, 1, 3), np.uint8),
    ],
    ids=["black", "half black, half white", "one pixel"],
)
def test_nothing_is_trimmed_off_plain_pictures(picture: Pixels) -> None:
    assert trim_bars(picture) is None
    assert fingerprint(picture, 4000, 3000).trimmed is None


def test_tiny_pictures_have_no_quality(scene: Painter) -> None:
    tiny = cv2.resize(scene(7), (40, 30), interpolation=cv2.INTER_AREA)
    assert fingerprint(tiny, 40, 30).pdq_quality == 0


def test_other_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        fingerprint(np.zeros((10, 10), np.uint8), 10, 10)


def test_distances_are_bits() -> None:
    assert distance(0, (1 << PDQ_BITS) - 1) == PDQ_BITS
    assert distance(0b1010, 0b1001) == 2
