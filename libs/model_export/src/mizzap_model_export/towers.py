"""The two towers of a CLIP model as ONNX."""

from pathlib import Path
from typing import Any

import torch

OPSET = 18

# a protobuf file ends at 2 GiB; the weights of larger models go into a file beside it
_LARGEST_FILE = 1_800_000_000


class Visual(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    """Pixels to vectors of length 1."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.model.encode_image(pixels, normalize=True)
        return vectors


class Textual(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    """Tokens to vectors of length 1 in the same space."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.model.encode_text(tokens, normalize=True)
        return vectors


def export(tower: torch.nn.Module, example: torch.Tensor, names: tuple[str, str], path: Path) -> None:
    """Write a tower with one input and one output, `names`, for any number of rows."""
    # the fused attention of torch's own encoder layers has no counterpart in ONNX
    torch.backends.mha.set_fastpath_enabled(False)
    program = torch.onnx.export(
        tower.eval(),
        (example,),
        input_names=[names[0]],
        output_names=[names[1]],
        dynamic_shapes=({0: torch.export.Dim("n", min=1, max=1024)},),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # with dynamo=True it is the model
    program.save(path, external_data=_weigh(tower) > _LARGEST_FILE)


def _weigh(tower: torch.nn.Module) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in tower.parameters())
