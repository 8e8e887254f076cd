"""The second look: what was made of a picture lies upon it, and what only resembles it does not."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from mizzap_dedup.fingerprint import UNTURNED, Look, fingerprint, nearest_look, turned
from mizzap_dedup.geometry import Alignment, View, look_twice

Pixels = npt.NDArray[np.uint8]
Scene = Callable[[int], Pixels]
Edit = Callable[[Pixels], Pixels]


def look_at(left: Pixels, right: Pixels) -> Alignment:
    probe, other = fingerprint(left, 4000, 3000), fingerprint(right, 4001, 3001)
    return look_twice(View(left), View(right), nearest_look(probe, other.pdq, other.trimmed))


def screenshot(picture: Pixels) -> Pixels:
    screen = np.zeros((1000, 512, 3), np.uint8)
    screen[308:692] = picture
    return cv2.resize(screen, (262, 512), interpolation=cv2.INTER_AREA).astype(np.uint8)


def captioned(picture: Pixels) -> Pixels:
    out = picture.copy()
    out[-60:] = 255
    cv2.putText(out, "WHEN THE WEEKEND STARTS", (20, 365), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 3)
    return out


def straightened(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 2, 1.0)
    return np.ascontiguousarray(cv2.warpAffine(picture, matrix, (width, height))[16:-16, 20:-20]).astype(np.uint8)


def noisy(picture: Pixels) -> Pixels:
    noise = np.random.default_rng(1).normal(0, 8, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def blurred(picture: Pixels, left: int = 0, right: int = 512) -> Pixels:
    out = picture.copy()
    out[:, left:right] = cv2.GaussianBlur(picture, (0, 0), 1.6)[:, left:right]
    return out


EDITS: dict[str, Edit] = {
    "as it is": lambda p: p,
    "half the size": lambda p: cv2.resize(p, (256, 192), interpolation=cv2.INTER_AREA).astype(np.uint8),
    "blurred": blurred,
    "noisy": noisy,
    "darker": lambda p: (p * 0.6).astype(np.uint8),
    "turned": lambda p: turned(p, 1),
    "mirrored": lambda p: turned(p, 5),
    "a tenth cut off": lambda p: np.ascontiguousarray(p[10:356, 40:500]),
    "straightened": straightened,
    "a screenshot of it": screenshot,
    "captioned": captioned,
    "square": lambda p: cv2.resize(p, (256, 256), interpolation=cv2.INTER_AREA).astype(np.uint8),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_was_made_of_a_picture_lies_upon_it(scene: Scene, edit: Edit) -> None:
    for left, right in ((scene(1), edit(scene(1))), (edit(scene(1)), scene(1))):
        found = look_at(left, right)
        assert found.same_picture, found
        assert not found.other_frame


def test_mirror_images_are_named_so(scene: Scene) -> None:
    picture = scene(1)
    cut = np.ascontiguousarray(turned(picture, 5)[10:356, 40:500])
    assert look_twice(View(picture), View(cut), UNTURNED).mirrored
    assert not look_twice(View(picture), View(picture), UNTURNED).mirrored


@pytest.mark.parametrize("seed", range(2, 7))
def test_another_picture_does_not(scene: Scene, seed: int) -> None:
    found = look_at(scene(1), scene(seed))
    assert not found.same_picture and not found.same_grain


@pytest.mark.parametrize("step", [20, 50])
def test_the_next_frame_from_a_step_aside_is_another_one(scene: Scene, step: int) -> None:
    """Both show what the other doesn't: no copy does."""
    wide = np.concatenate([scene(1), scene(2)], axis=1)
    found = look_at(np.ascontiguousarray(wide[:, :512]), np.ascontiguousarray(wide[:, step : 512 + step]))
    assert found.other_frame and not found.same_picture


def test_another_focus_is_another_frame(scene: Scene) -> None:
    near, far = blurred(scene(1), 0, 256), blurred(scene(1), 256, 512)
    found = look_at(near, far)
    assert found.refocused and not found.same_picture


def test_a_plain_wall_is_known_by_its_grain() -> None:
    random = np.random.default_rng(3)

    def wall() -> Pixels:
        grain = cv2.GaussianBlur(random.normal(0, 12, (384, 512)).astype(np.float32), (0, 0), 1.0)
        return np.repeat((150 + grain)[..., np.newaxis], 3, axis=2).astype(np.uint8)

    one, other = wall(), wall()
    saved = cv2.imdecode(cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_COLOR)
    straight = Look(40, 0, False)
    assert look_twice(View(one), View(saved.astype(np.uint8)), straight).same_grain
    assert not look_twice(View(one), View(other), straight).same_grain


def test_blank_pictures_are_alike_in_colour_and_shape() -> None:
    def blank(level: int, width: int = 512, height: int = 384) -> View:
        return View(np.full((height, width, 3), level, np.uint8))

    assert look_twice(blank(0), blank(0, 256, 192), UNTURNED).blank
    assert look_twice(blank(0), blank(0, 384, 512), UNTURNED).blank
    assert not look_twice(blank(0), blank(9), UNTURNED).blank
    assert not look_twice(blank(0), blank(0, 384, 384), UNTURNED).same_grain


def test_the_same_pair_gives_the_same_answer(scene: Scene) -> None:
    pair = scene(1), straightened(scene(1))
    assert len({look_at(*pair) for _ in range(3)}) == 1
