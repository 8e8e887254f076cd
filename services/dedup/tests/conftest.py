"""What the tests share: made-up pictures, and collections beside the one of the model in use."""

from collections.abc import AsyncIterator, Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from qdrant_client import AsyncQdrantClient

from services.dedup.tests.worlds import Elsewhere

Pixels = npt.NDArray[np.uint8]
Painter = Callable[[int], Pixels]


def paint(seed: int, width: int = 512, height: int = 384) -> Pixels:
    """Has edges, texture and shading as photos have them."""
    random = np.random.default_rng(seed)
    canvas = cv2.resize(
        random.uniform(40, 215, (4, 5, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    canvas = np.clip(canvas, 0, 255).astype(np.uint8)
    for _ in range(60):
        corner = (int(random.integers(width)), int(random.integers(height)))
        size = (int(random.integers(8, 90)), int(random.integers(8, 60)))
        colour = tuple(int(level) for level in random.integers(0, 256, 3))
        cv2.ellipse(canvas, corner, size, float(random.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    grain = cv2.GaussianBlur(random.normal(0, 14, (height, width, 3)).astype(np.float32), (0, 0), 1.2)
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def scene() -> Painter:
    """`scene(seed)`: another picture (384, 512, 3) for each seed."""
    return paint


@pytest.fixture
async def elsewhere(qdrant_url: str) -> AsyncIterator[Elsewhere]:
    client = AsyncQdrantClient(url=qdrant_url)
    made = Elsewhere(client)
    await made.open()
    yield made
    await made.close()
    await client.close()
