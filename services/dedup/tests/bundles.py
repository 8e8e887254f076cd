"""A small CLIP of random weights, as a bundle: it knows a few words, and ranks as any model does."""

import json
from pathlib import Path

import numpy as np
import onnx
from mizzap_common.models.bundle import sha256_of
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

WORDS = ["[PAD]", "[UNK]", "red", "green", "blue", "kitten", "motel", "palm"]
DIMENSIONS, SIDE = 16, 32


def _model(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def _weights(random: np.random.Generator, name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)


def _visual(random: np.random.Generator) -> bytes:
    """The means of 8 × 8 patches through a random matrix."""
    patches = 3 * (SIDE // 8) ** 2
    return _model(
        helper.make_graph(
            [
                helper.make_node("AveragePool", ["pixels"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]),
                helper.make_node("Flatten", ["pooled"], ["flat"]),
                helper.make_node("MatMul", ["flat", "weight"], ["embedding"]),
            ],
            "visual",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIMENSIONS])],
            [_weights(random, "weight", patches, DIMENSIONS)],
        )
    )


def _textual(random: np.random.Generator) -> bytes:
    """The mean of the words' random vectors."""
    return _model(
        helper.make_graph(
            [
                helper.make_node("Gather", ["table", "tokens"], ["words"]),
                helper.make_node("ReduceMean", ["words"], ["text_embedding"], axes=[1], keepdims=0),
            ],
            "textual",
            [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n", 8])],
            [helper.make_tensor_value_info("text_embedding", TensorProto.FLOAT, ["n", DIMENSIONS])],
            [_weights(random, "table", len(WORDS), DIMENSIONS)],
        )
    )


def make_bundle(folder: Path) -> Path:
    """A bundle of kind clip with random weights."""
    random = np.random.default_rng(5)
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    files = {
        "visual.onnx": _visual(random), "textual.onnx": _textual(random), "tokenizer.json": tokenizer.to_str().encode(),
    }  # fmt: skip
    for name, data in files.items():
        (folder / name).write_bytes(data)
    manifest = {
        "id": "random-clip", "kind": "clip", "dimensions": DIMENSIONS, "licence": "none", "source": "a test",
        "preprocessing": {"size": SIDE, "mean": [0.5] * 3, "std": [0.3] * 3},
        "files": {name: sha256_of(folder / name) for name in files},
        "tokenization": {"clean": "lower", "context_length": 8},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
