"""Vectors whose values can be worked out by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mizzap_common.models.bundle import BundleUnsuitable, Preprocessing, load_bundle
from mizzap_common.models.embedder import Embedder
from mizzap_common.models.preprocess import preprocess

MakeBundle = Callable[..., Path]


def plain(red: int, green: int, blue: int, width: int = 80, height: int = 60) -> np.ndarray:
    return np.full((height, width, 3), (red, green, blue), np.uint8)


def test_the_vector_is_the_models_and_of_length_one(make_bundle: MakeBundle) -> None:
    embedder = Embedder(load_bundle(make_bundle()))
    vector = embedder.embed(plain(255, 0, 51))
    assert vector.dtype == np.float32
    assert vector == pytest.approx(np.array([1, 0, 0.2]) / np.hypot(1, 0.2), abs=1e-6)


def test_labels_are_sorted_by_probability(make_bundle: MakeBundle) -> None:
    embedder = Embedder(load_bundle(make_bundle()))
    labels = embedder.labels(plain(51, 255, 0), top=2)
    assert [label.name for label in labels] == ["green", "red"]
    assert labels[0].probability == pytest.approx(np.exp(10) / (np.exp(10) + np.exp(2) + 1), rel=1e-4)
    vector, same = embedder.embed_and_label(plain(51, 255, 0), top=2)
    assert same == labels
    assert np.array_equal(vector, embedder.embed(plain(51, 255, 0)))


def test_what_the_model_cannot_do_it_says(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    bundle = load_bundle(folder)
    with pytest.raises(BundleUnsuitable, match="averages has no text search"):
        Embedder(bundle).embed_text("a cat")
    without = make_bundle("plain", {"visual.onnx": (folder / "visual.onnx").read_bytes()})
    with pytest.raises(BundleUnsuitable, match="plain has no labels"):
        Embedder(load_bundle(without)).labels(plain(1, 2, 3))
    assert Embedder(load_bundle(without)).embed_and_label(plain(1, 2, 3))[1] == []


def test_mean_and_standard_deviation() -> None:
    how = Preprocessing(size=16, mean=(0.5, 0.0, 0.2), std=(0.25, 1.0, 0.5))
    pixels = preprocess(plain(255, 51, 102), how)
    assert pixels.shape == (3, 16, 16)
    assert pixels.dtype == np.float32
    assert [float(channel.mean()) for channel in pixels] == pytest.approx([2.0, 0.2, 0.4], abs=1e-6)


def stripes(width: int, height: int) -> np.ndarray:
    """Black with a white left and right tenth."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 10] = pixels[:, -width // 10 :] = 255
    return pixels


def test_resizing_crops_pads_or_squashes() -> None:
    def row(resize: str) -> np.ndarray:
        how = Preprocessing(size=40, resize=resize, fill=128, mean=(0, 0, 0), std=(1, 1, 1))  # type: ignore[arg-type]
        return np.asarray(preprocess(stripes(400, 200), how)[0])

    assert row("shortest").max() < 0.01, "the stripes are cropped away"
    squashed = row("squash")
    assert squashed[20, 1] > 0.99
    assert squashed[20, 38] > 0.99
    assert squashed[20, 20] < 0.01
    padded = row("longest")
    assert padded[2, 20] == pytest.approx(128 / 255)
    assert padded[20, 1] > 0.99


def test_a_larger_resize_keeps_only_the_middle() -> None:
    how = Preprocessing(size=20, resize_size=40, mean=(0, 0, 0), std=(1, 1, 1))
    assert preprocess(stripes(100, 100), how).max() < 0.01
