"""Vectors from pixels and texts, on ONNX Runtime with one thread."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import onnxruntime

from .bundle import LABELS, TEXTUAL, TOKENIZER, VISUAL, Bundle, BundleUnsuitable
from .preprocess import preprocess
from .text import clean

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Label:
    """What a model with labels sees, and how sure it is (0–1)."""

    name: str
    probability: float


class Embedder:
    """One loaded model. Load it once in a child of a DecodePool, in the pool's initializer; not for threads."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._visual = _session(bundle.file(VISUAL))
        self._pixels = self._visual.get_inputs()[0].name

    def embed(self, rgb: npt.NDArray[np.uint8]) -> Vector:
        """The photo's vector, float32 (dimensions,), of length 1, from upright sRGB pixels (height, width, 3).

        The pixels should be at least the model's input size; `decode.open_rgb(data, 512)` is a good source.
        """
        return _normalised(self._run(rgb, "embedding"))

    def labels(self, rgb: npt.NDArray[np.uint8], top: int = 5) -> list[Label]:
        """The `top` most likely labels, likeliest first. Raises BundleUnsuitable if the model has none."""
        if not self._names:
            self._no("labels")
        return self._likeliest(self._run(rgb, "logits"), top)

    def embed_and_label(self, rgb: npt.NDArray[np.uint8], top: int = 5) -> tuple[Vector, list[Label]]:
        """`embed` and `labels` for the price of one; no labels from a model that has none."""
        if not self._names:
            return self.embed(rgb), []
        embedding, logits = self._visual.run(["embedding", "logits"], {self._pixels: self._input(rgb)})
        return _normalised(embedding[0]), self._likeliest(logits[0], top)

    def embed_text(self, text: str) -> Vector:
        """The text's vector in the photos' space, of length 1. Raises BundleUnsuitable if the model has no text."""
        tokenization = self.bundle.manifest.tokenization
        if tokenization is None:
            self._no("text search")
        tokens = np.array([self._tokenizer.encode(clean(text, tokenization.clean)).ids], dtype=np.int64)
        (embedding,) = self._textual.run(["text_embedding"], {self._textual.get_inputs()[0].name: tokens})
        return _normalised(embedding[0])

    def _run(self, rgb: npt.NDArray[np.uint8], output: str) -> Vector:
        (result,) = self._visual.run([output], {self._pixels: self._input(rgb)})
        row: Vector = result[0]
        return row

    def _input(self, rgb: npt.NDArray[np.uint8]) -> Vector:
        return preprocess(rgb, self.bundle.manifest.preprocessing)[np.newaxis]

    def _likeliest(self, logits: Vector, top: int) -> list[Label]:
        odds = np.exp(logits - logits.max())
        probabilities = odds / odds.sum()
        best = np.argsort(-probabilities)[:top]
        return [Label(self._names[index], float(probabilities[index])) for index in best]

    def _no(self, what: str) -> NoReturn:
        raise BundleUnsuitable(f"The model {self.bundle.id} has no {what}.")

    @cached_property
    def _names(self) -> list[str]:
        return self.bundle.file(LABELS).read_text("utf-8").splitlines() if self.bundle.has_labels else []

    @cached_property
    def _textual(self) -> onnxruntime.InferenceSession:
        return _session(self.bundle.file(TEXTUAL))

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenization = self.bundle.manifest.tokenization
        assert tokenization is not None  # a manifest of kind clip has one
        tokenizer = Tokenizer.from_file(str(self.bundle.file(TOKENIZER)))
        tokenizer.enable_truncation(tokenization.context_length)
        tokenizer.enable_padding(pad_id=tokenization.pad_id, length=tokenization.context_length)
        return tokenizer


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _normalised(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
