"""Production runs CLIP or nothing; one machine takes the best that is there."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mizzap_common.models.bundle import BundleDamaged, BundleMissing, BundleUnsuitable
from mizzap_common.models.choose import choose_bundle

MakeBundle = Callable[..., Path]


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own, in which make_bundle's folder is the one for models."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    share = tmp_path / "venv" / "share" / "mizzap"
    share.mkdir(parents=True)
    (tmp_path / "models").mkdir()
    (share / "models").symlink_to(tmp_path / "models")
    return tmp_path


@pytest.mark.parametrize("path", [None, ""])
def test_production_without_a_model_refuses(make_clip_bundle: MakeBundle, path: str | None) -> None:
    make_clip_bundle()
    with pytest.raises(BundleUnsuitable, match="Production needs a CLIP bundle: set MIZZAP_MODEL"):
        choose_bundle("production", path)


def test_production_refuses_a_model_for_images_only(make_bundle: MakeBundle) -> None:
    with pytest.raises(BundleUnsuitable, match="averages in MIZZAP_MODEL embeds images only"):
        choose_bundle("production", make_bundle())


def test_production_takes_a_clip_bundle(make_clip_bundle: MakeBundle) -> None:
    bundle = choose_bundle("production", make_clip_bundle())
    assert bundle is not None
    assert bundle.has_text


def test_one_machine_takes_what_is_configured(make_bundle: MakeBundle, make_clip_bundle: MakeBundle) -> None:
    make_clip_bundle()
    bundle = choose_bundle("development", make_bundle("averages"))
    assert bundle is not None
    assert bundle.id == "averages"


def test_one_machine_prefers_clip(make_bundle: MakeBundle, make_clip_bundle: MakeBundle) -> None:
    make_bundle("a-tower")
    bundle = choose_bundle("development", "")
    assert bundle is not None
    assert bundle.id == "a-tower"
    make_clip_bundle("b-clip")
    bundle = choose_bundle("development", None)
    assert bundle is not None
    assert bundle.id == "b-clip"


def test_one_machine_without_any_model_goes_on() -> None:
    assert choose_bundle("development", None) is None


def test_a_damaged_or_missing_bundle_is_never_skipped(make_bundle: MakeBundle, tmp_path: Path) -> None:
    with pytest.raises(BundleMissing):
        choose_bundle("development", tmp_path / "nowhere")
    (make_bundle("broken") / "visual.onnx").write_bytes(b"")
    with pytest.raises(BundleDamaged):
        choose_bundle("development", None)
