"""python -m mizzap_model_export MODEL_NAME [--pretrained PATH|TAG|random] [--licence NAME] OUT"""

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="mizzap-model-export",
        description="Turn an open_clip model into a bundle for MIZZAP_MODEL: ONNX, tokenizer, preprocessing, manifest.",
    )
    parser.add_argument("model", help="a name of open_clip's, as ViT-B-32-quickgelu, or local-dir:FOLDER, hf-hub:NAME")
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument(
        "--pretrained",
        default="",
        help='a checkpoint\'s path, a tag of open_clip\'s, as "openai" (downloaded), or "random", which is for tests only',
    )
    parser.add_argument("--licence", default="see the model's source", help="the weights' licence, for the manifest")
    given = parser.parse_args(arguments)
    if not given.pretrained and ":" not in given.model:
        parser.error("--pretrained says which weights a model of that name is to have")

    # here, because it takes seconds, and the help shall not
    from .export import ExportFailed, export_bundle
    from .tokenizer import UnsupportedTokenizer

    try:
        bundle = export_bundle(given.model, given.pretrained, given.out, given.licence)
    except (ExportFailed, UnsupportedTokenizer, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"{given.model} could not be exported: {error}")
    print(f"{bundle.id}: {bundle.dimensions} dimensions, checked against PyTorch, at {bundle.folder}")  # noqa: T201


if __name__ == "__main__":
    main()
