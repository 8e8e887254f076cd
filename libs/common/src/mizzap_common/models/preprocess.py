"""A photo as a model's input, the same as torchvision's transforms on Pillow images make it."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from .bundle import Preprocessing

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def preprocess(rgb: npt.NDArray[np.uint8], how: Preprocessing) -> npt.NDArray[np.float32]:
    """uint8 (height, width, 3) to float32 (3, size, size), resized, cropped or padded, and standardised."""
    image = _centred(_resized(Image.fromarray(rgb), how), how)
    scaled = np.asarray(image, dtype=np.float32) / 255
    standardised = (scaled - np.array(how.mean, np.float32)) / np.array(how.std, np.float32)
    return np.ascontiguousarray(standardised.transpose(2, 0, 1))


def _resized(image: Image.Image, how: Preprocessing) -> Image.Image:
    target = how.resize_size or how.size
    if how.resize == "squash":
        size = (target, target)
    else:
        side = min(image.size) if how.resize == "shortest" else max(image.size)
        # truncated for the shortest side as torchvision does, rounded for the longest as open_clip does
        fit = int if how.resize == "shortest" else round
        size = (max(1, fit(image.width * target / side)), max(1, fit(image.height * target / side)))
    return image.resize(size, _FILTERS[how.interpolation])


def _centred(image: Image.Image, how: Preprocessing) -> Image.Image:
    """The middle `size` × `size` pixels, with `fill` around where there are fewer."""
    left, top = _margin(image.width, how.size), _margin(image.height, how.size)
    if left >= 0 and top >= 0:
        return image.crop((left, top, left + how.size, top + how.size))
    canvas = Image.new("RGB", (how.size, how.size), (how.fill,) * 3)
    canvas.paste(image, (-left, -top))
    return canvas


def _margin(length: int, size: int) -> int:
    """What is cut off before the middle; negative: what is added. Each rounded as open_clip rounds it."""
    return round((length - size) / 2) if length >= size else -((size - length) // 2)
