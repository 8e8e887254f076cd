"""Screenshots are told from photos by their plain areas."""

import numpy as np
import pytest
from mizzap_curation.screenshots import looks_like_screenshot, plain_share

RANDOM = np.random.default_rng(9)


@pytest.fixture
def page() -> np.ndarray:
    """White with lines of letters, as a chat or a web page."""
    picture = np.full((512, 237, 3), 255, np.uint8)
    for line in range(20, 480, 24):
        picture[line : line + 8, 10:200] = RANDOM.integers(0, 255, (8, 190, 1), dtype=np.uint8)
    return picture


def test_a_page_is_one(page):
    assert looks_like_screenshot(page, has_camera=False)


def test_a_page_that_a_camera_took_is_none(page):
    assert not looks_like_screenshot(page, has_camera=True)


def test_a_photo_is_none(page):
    noisy = np.clip(page + RANDOM.normal(0, 2, page.shape), 0, 255).astype(np.uint8)
    assert not looks_like_screenshot(noisy, has_camera=False)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (2, 2, 3)])
def test_tiny_pictures_have_an_answer(shape):
    assert 0 <= plain_share(np.zeros(shape, np.uint8)) <= 1
