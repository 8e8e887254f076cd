"""From an open_clip model to a verified bundle."""

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from mizzap_common.models.bundle import (
    MANIFEST,
    TEXTUAL,
    TOKENIZER,
    VISUAL,
    Bundle,
    Manifest,
    Preprocessing,
    load_bundle,
    sha256_of,
)
from mizzap_common.models.embedder import Embedder
from PIL import Image

from .tokenizer import portable
from .towers import Textual, Visual, export

RANDOM = "random"
SMALLEST_COSINE = 0.9999

_CHECKED_TEXTS = ("a photo of a cat", "Zwei Kinder am Strand, 1987!")


class ExportFailed(Exception):
    """The model can't be exported, or the exported one answers differently."""


def export_bundle(model_name: str, pretrained: str, out: Path, licence: str) -> Bundle:
    """Write the bundle of an open_clip model to the folder `out`, which must not be there yet.

    model_name: a name from `open_clip.list_models()`, or `local-dir:` or `hf-hub:` and where it is.
    pretrained: a checkpoint's path, one of open_clip's tags (downloaded), "random", or "" for a local-dir or hf-hub
        model, whose weights are its own.
    Raises ExportFailed, UnsupportedTokenizer, and what open_clip raises for a model it can't load.
    """
    if out.exists():
        raise ExportFailed(f"{out} is there already.")
    model, transform = load_model(model_name, pretrained)
    tokenizer = open_clip.get_tokenizer(model_name)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        folder = Path(scratch) / out.name
        folder.mkdir()
        _write(folder, model, tokenizer, _name(model_name, pretrained), licence)
        check(load_bundle(folder), model, transform, tokenizer)
        shutil.move(folder, out)
    return load_bundle(out)


def load_model(model_name: str, pretrained: str) -> tuple[Any, Any]:
    """The model in float32 on the processor, and open_clip's own preprocessing of its images."""
    torch.manual_seed(0)
    fresh = pretrained == RANDOM
    model, _, transform = open_clip.create_model_and_transforms(
        model_name,
        pretrained=None if fresh or not pretrained else pretrained,
        load_weights=not fresh,
        pretrained_text=not fresh,
        precision="fp32",
    )
    return model.eval(), transform


def check(bundle: Bundle, model: Any, transform: Any, tokenizer: Any) -> None:
    """Compare the bundle, as the services run it, with PyTorch. Raises ExportFailed."""
    embedder = Embedder(bundle)
    pixels = np.random.default_rng(0).integers(0, 256, (333, 500, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = model.encode_image(transform(Image.fromarray(pixels))[None], normalize=True)[0].numpy()
        _compare("the image tower", embedder.embed(pixels), expected)
        for text in _CHECKED_TEXTS:
            expected = model.encode_text(tokenizer([text]), normalize=True)[0].numpy()
            _compare(f"the text tower ({text!r})", embedder.embed_text(text), expected)


def _compare(what: str, actual: Any, expected: Any) -> None:
    cosine = float(np.dot(actual, expected))
    if not cosine >= SMALLEST_COSINE:
        raise ExportFailed(f"The exported model answers differently: {what}, cosine {cosine:.6f} to PyTorch's.")


def _write(folder: Path, model: Any, tokenizer: Any, source: str, licence: str) -> None:
    preprocessing = _preprocessing(open_clip.get_model_preprocess_cfg(model))
    converted, tokenization = portable(tokenizer)
    tokens = torch.ones(2, tokenization.context_length, dtype=torch.long)
    export(
        Visual(model),
        torch.zeros(2, 3, preprocessing.size, preprocessing.size),
        ("pixels", "embedding"),
        folder / VISUAL,
    )
    export(Textual(model), tokens, ("tokens", "text_embedding"), folder / TEXTUAL)
    converted.save(str(folder / TOKENIZER))
    with torch.no_grad():
        dimensions = int(model.encode_text(tokens).shape[-1])
    manifest = Manifest(
        id=_identity(source, model, preprocessing),
        kind="clip",
        dimensions=dimensions,
        preprocessing=preprocessing,
        tokenization=tokenization,
        licence=licence,
        source=f"open_clip {open_clip.__version__}: {source}",
        files={path.name: sha256_of(path) for path in sorted(folder.iterdir())},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", "utf-8")


def _preprocessing(settings: dict[str, Any]) -> Preprocessing:
    size = settings["size"]
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise ExportFailed(f"The model's input is {size}, and only square ones are supported.")
    return Preprocessing(
        size=sides.pop(),
        resize=settings["resize_mode"],
        # open_clip takes "random", a word of the training, for bicubic
        interpolation="bilinear" if settings["interpolation"] == "bilinear" else "bicubic",
        fill=settings["fill_color"],
        mean=settings["mean"],
        std=settings["std"],
    )


def _name(model_name: str, pretrained: str) -> str:
    """What was exported, without the folders it lay in."""
    return f"{Path(model_name.split(':', 1)[-1]).name} {Path(pretrained).name}".strip()


def _identity(source: str, model: Any, preprocessing: Preprocessing) -> str:
    """Readable, and different for different weights or another preprocessing: it names the vectors' collection."""
    digest = hashlib.sha256(json.dumps(preprocessing.model_dump()).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().cpu().numpy().tobytes())
    name = re.sub(r"[^a-z0-9]+", "-", source.lower()).strip("-")[:80]
    return f"{name}-{digest.hexdigest()[:8]}"
