"""Lets torchvision load on machines that have its CUDA build beside a torch for the processor only."""

import importlib.util
from importlib.metadata import version

_kept_alive = []

if importlib.util.find_spec("torch") and "+cpu" in version("torch") and "+cpu" not in version("torchvision"):
    import torch

    # such a torchvision asks for these operators while it is imported, and can't load the library that has them
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept_alive.append(library)
