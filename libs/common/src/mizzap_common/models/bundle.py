"""A model as a folder: ONNX files, what goes into them, and a manifest that pins every byte.

visual.onnx      pixels float32 (n, 3, size, size) -> embedding float32 (n, dimensions), perhaps logits
textual.onnx     optional: tokens int64 (n, context_length) -> text_embedding float32 (n, dimensions)
tokenizer.json   with textual.onnx: in the format of the `tokenizers` library
labels.txt       optional: one name a line for each of the logits
manifest.json    `Manifest`
"""

import hashlib
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .text import Cleaning

COLLECTION_PREFIX = "photos_"
"""What the names of our Qdrant collections begin with."""
MANIFEST = "manifest.json"
VISUAL = "visual.onnx"
TEXTUAL = "textual.onnx"
TOKENIZER = "tokenizer.json"
LABELS = "labels.txt"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Channels = tuple[float, float, float]


class BundleError(Exception):
    """A model bundle that can't be used. The message is one sentence for the person who set it up."""


class BundleMissing(BundleError):
    """There is no bundle at the path."""


class BundleDamaged(BundleError):
    """A file differs from what the manifest says of it."""


class BundleUnsuitable(BundleError):
    """An intact bundle of the wrong kind for the purpose."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Preprocessing(_Strict):
    """How a photo becomes the model's input, in the terms of open_clip's preprocess_cfg.

    size: side of the square input in pixels.
    resize: what fits the size before the centre crop: the shortest side, the longest (padded), or both (squash).
    resize_size: the side to resize to where it isn't `size`, as in ImageNet's 256 to 224.
    mean, std: per channel, of pixels scaled to 0–1.
    """

    size: int = Field(ge=16, le=2048)
    resize: Literal["shortest", "longest", "squash"] = "shortest"
    resize_size: int | None = Field(default=None, ge=16, le=4096)
    interpolation: Literal["bilinear", "bicubic", "lanczos"] = "bicubic"
    fill: int = Field(default=0, ge=0, le=255)
    mean: Channels
    std: Channels


class Tokenization(_Strict):
    """How a text becomes the model's input: how it is cleaned, the length in tokens, and the token that fills up."""

    clean: Cleaning
    context_length: int = Field(ge=1, le=4096)
    pad_id: int = Field(default=0, ge=0)


class Manifest(_Strict):
    """The bundle's description.

    id: names the vector space, so it changes whenever the vectors would.
    kind: "clip" embeds images and texts into one space, "image" only images.
    files: SHA-256 of every other file of the bundle.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")
    kind: Literal["clip", "image"]
    dimensions: int = Field(ge=1, le=8192)
    preprocessing: Preprocessing
    tokenization: Tokenization | None = None
    licence: str
    source: str
    files: dict[str, Sha256]

    @model_validator(mode="after")
    def _complete(self) -> "Manifest":
        needed = {VISUAL} if self.kind == "image" else {VISUAL, TEXTUAL, TOKENIZER}
        missing = needed - set(self.files)
        if missing:
            raise ValueError(f"a bundle of kind {self.kind} needs {', '.join(sorted(missing))}")
        if self.kind == "clip" and self.tokenization is None:
            raise ValueError("a bundle of kind clip needs tokenization")
        if any(PurePosixPath(name).name != name for name in self.files):
            raise ValueError("files lie in the bundle's folder itself")
        return self


class Bundle(BaseModel):
    """A bundle whose files were verified. Small and picklable: the weights are read where they are used."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def dimensions(self) -> int:
        return self.manifest.dimensions

    @property
    def has_text(self) -> bool:
        """Whether texts can be embedded into the same space, for text search."""
        return self.manifest.kind == "clip"

    @property
    def has_labels(self) -> bool:
        """Whether the model also names what it sees."""
        return LABELS in self.manifest.files

    def file(self, name: str) -> Path:
        return self.folder / name


def load_bundle(path: str | Path) -> Bundle:
    """Read and verify a bundle, every byte of it.

    Raises BundleMissing (no manifest there), BundleError (manifest not understood) and BundleDamaged.
    """
    folder = Path(path)
    manifest_file = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(manifest_file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise BundleMissing(f"There is no model bundle at {folder}: {MANIFEST} is missing.") from None
    except OSError as error:
        raise BundleError(f"The model bundle at {folder} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "as a whole"
        raise BundleError(f"{manifest_file} is not understood ({where}): {problem['msg']}.") from error
    for name, expected in manifest.files.items():
        _verify(folder / name, expected)
    return Bundle(folder=folder.resolve(), manifest=manifest)


COLLECTION_PREFIX = "photos_"
"""Of the names of all collections of photos' vectors, whatever the model."""


def collection_name(bundle: Bundle) -> str:
    """The Qdrant collection of the bundle's vector space: vectors of two models never meet."""
    return f"{COLLECTION_PREFIX}{bundle.id}"


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(path: Path, expected: str) -> None:
    try:
        actual = sha256_of(path)
    except FileNotFoundError:
        raise BundleDamaged(f"The model bundle is incomplete: {path} is missing.") from None
    except OSError as error:
        raise BundleDamaged(f"The model bundle can't be read: {path}: {error.strerror}.") from error
    if actual != expected:
        raise BundleDamaged(f"The model bundle is damaged: {path} is not the file its manifest describes.")
