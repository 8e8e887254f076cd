"""What makes a folder a model, and what makes it none."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from mizzap_common.models.bundle import (
    BundleDamaged,
    BundleError,
    BundleMissing,
    collection_name,
    load_bundle,
)

MakeBundle = Callable[..., Path]


def test_an_intact_bundle_loads(make_bundle: MakeBundle) -> None:
    folder = make_bundle("averages")
    bundle = load_bundle(folder)
    assert (bundle.id, bundle.dimensions, bundle.has_text, bundle.has_labels) == ("averages", 3, False, True)
    assert bundle.file("visual.onnx").is_file()
    assert pickle.loads(pickle.dumps(bundle)) == bundle


def test_two_models_never_share_a_collection(make_bundle: MakeBundle) -> None:
    first, second = load_bundle(make_bundle("first")), load_bundle(make_bundle("second"))
    assert first.id in collection_name(first)
    assert collection_name(first) != collection_name(second)


def test_no_bundle_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(BundleMissing, match=r"There is no model bundle at .*: manifest\.json is missing\."):
            load_bundle(path)


@pytest.mark.parametrize("name", ["visual.onnx", "labels.txt"])
def test_a_changed_byte_is_found(make_bundle: MakeBundle, name: str) -> None:
    folder = make_bundle()
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(BundleDamaged, match=f"{name} is not the file its manifest describes"):
        load_bundle(folder)


def test_a_missing_file_is_found(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    (folder / "labels.txt").unlink()
    with pytest.raises(BundleDamaged, match="incomplete"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "../../etc"}, r"manifest\.json is not understood \(id\)"),
        ({"kind": "sound"}, "kind"),
        ({"dimensions": 0}, "dimensions"),
        ({"files": {"visual.onnx": "short"}}, "files"),
        ({"files": {}}, r"needs visual\.onnx"),
        ({"files": {"visual.onnx": "0" * 64, "../outside": "0" * 64}}, "folder itself"),
        ({"kind": "clip"}, r"needs textual\.onnx, tokenizer\.json"),
        ({"preprocessing": {"size": 32, "mean": [0, 0, 0]}}, r"preprocessing\.std"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_manifest_that_is_not_understood_says_where(
    make_bundle: MakeBundle, changes: dict[str, object], message: str
) -> None:
    folder = make_bundle(**changes)
    with pytest.raises(BundleError, match=message) as refused:
        load_bundle(folder)
    assert "\n" not in str(refused.value)


def test_a_manifest_that_is_no_json(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    (folder / "manifest.json").write_text(json.dumps({"id": "x"})[:5])
    with pytest.raises(BundleError, match="not understood"):
        load_bundle(folder)
