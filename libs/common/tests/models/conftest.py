"""A tiny model whose answers can be worked out by hand: it averages each colour channel."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from mizzap_common.models.bundle import sha256_of
from onnx import TensorProto, helper, numpy_helper

MakeBundle = Callable[..., Path]


def averaging_model() -> bytes:
    """pixels -> the three channels' means as embedding, and ten times them as logits."""

    def tensor(name: str, *shape: Any) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])

    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["embedding"]),
            helper.make_node("Mul", ["embedding", "ten"], ["logits"]),
        ],
        "averages",
        [tensor("pixels", 3, 32, 32)],
        [tensor("embedding", 3), tensor("logits", 3)],
        [numpy_helper.from_array(np.array([10], np.float32), "ten")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    """Write a bundle of the averaging model; `changes` overwrite parts of its manifest."""

    def make(name: str = "averages", contents: dict[str, bytes] | None = None, **changes: Any) -> Path:
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        if contents is None:
            contents = {"visual.onnx": averaging_model(), "labels.txt": b"red\ngreen\nblue\n"}
        for file, data in contents.items():
            (folder / file).write_bytes(data)
        manifest = {
            "id": name,
            "kind": "image",
            "dimensions": 3,
            "preprocessing": {"size": 32, "mean": [0, 0, 0], "std": [1, 1, 1]},
            "licence": "none",
            "source": "a test",
            "files": {file: sha256_of(folder / file) for file in contents},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest | changes))
        return folder

    return make


@pytest.fixture
def make_clip_bundle(make_bundle: MakeBundle) -> MakeBundle:
    """As `make_bundle`, of kind clip; its text files hold nothing, for tests that only choose."""

    def make(name: str = "clip", **changes: Any) -> Path:
        contents = {"visual.onnx": averaging_model(), "textual.onnx": b"", "tokenizer.json": b""}
        return make_bundle(
            name, contents, kind="clip", tokenization={"clean": "lower", "context_length": 77}, **changes
        )

    return make
