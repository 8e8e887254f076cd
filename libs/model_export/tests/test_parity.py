"""The exported model answers as PyTorch does. Random weights: this is about the export, never about quality."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed here; make test-export installs it")

import open_clip  # noqa: E402
from mizzap_common.models.bundle import Bundle, Preprocessing, load_bundle  # noqa: E402
from mizzap_common.models.choose import choose_bundle  # noqa: E402
from mizzap_common.models.embedder import Embedder  # noqa: E402
from mizzap_common.models.preprocess import preprocess  # noqa: E402
from mizzap_common.models.text import clean as clean_text  # noqa: E402
from mizzap_model_export.__main__ import main  # noqa: E402
from mizzap_model_export.export import ExportFailed, check, load_model  # noqa: E402
from mizzap_model_export.tokenizer import UnsupportedTokenizer, portable  # noqa: E402
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer  # noqa: E402
from PIL import Image  # noqa: E402

MODEL = "ViT-B-32"
PARITY = 0.999999

TEXTS = [
    "a photo of a cat",
    "A  PHOTO\tof\n a Cat ",
    "it's they're I'll we've don't",
    "it’s “quoted”",
    "Zwei Kinder am Strand, 1987!!!",
    "naïve café — Ünïcödé … ½",
    "İstanbul ΑΒΓ ὈΔΥΣΣΕΎΣ",
    "東京タワー 夜景",
    "дети на пляже",
    "مرحبا بالعالم",
    "😀👩‍👩‍👧‍👧🏳️‍🌈",
    "snake_case under_score a.b,c;d:e",
    "1234567890 3.14",
    "x &amp; y &lt;3",
    "",
    " ".join(["word"] * 200),
    "antidisestablishmentarianism" * 20,
]


@pytest.fixture(scope="module")
def reference() -> tuple[Any, Any]:
    """The model and open_clip's own preprocessing."""
    return load_model(MODEL, "random")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("models") / "vit"
    main([MODEL, "--pretrained", "random", "--licence", "none", str(out)])
    return load_bundle(out)


@pytest.fixture(scope="module")
def embedder(bundle: Bundle) -> Embedder:
    return Embedder(bundle)


def pictures() -> Iterator[np.ndarray]:
    chance = np.random.default_rng(1)
    for height, width in [(224, 224), (300, 500), (500, 301), (180, 90), (1000, 223)]:
        coarse = Image.fromarray(chance.integers(0, 256, (9, 11, 3), dtype=np.uint8))
        yield np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def test_the_image_tower(embedder: Embedder, reference: tuple[Any, Any]) -> None:
    model, transform = reference
    for pixels in pictures():
        with torch.no_grad():
            expected = model.encode_image(transform(Image.fromarray(pixels))[None], normalize=True)[0].numpy()
        assert float(embedder.embed(pixels) @ expected) >= PARITY


def test_the_text_tower(embedder: Embedder, reference: tuple[Any, Any]) -> None:
    model, _ = reference
    tokenizer = open_clip.get_tokenizer(MODEL)
    for text in TEXTS:
        with torch.no_grad():
            expected = model.encode_text(tokenizer([text]), normalize=True)[0].numpy()
        assert float(embedder.embed_text(text) @ expected) >= PARITY, text


def test_the_bundle_says_what_it_is(bundle: Bundle) -> None:
    assert re.fullmatch(r"vit-b-32-random-[0-9a-f]{8}", bundle.id)
    assert (bundle.dimensions, bundle.has_text, bundle.manifest.licence) == (512, True, "none")
    chosen = choose_bundle("production", bundle.folder)
    assert chosen is not None
    assert chosen.id == bundle.id


def test_a_bundle_of_other_weights_is_refused(bundle: Bundle, reference: tuple[Any, Any]) -> None:
    model, transform = reference
    head = model.visual.proj
    kept = head.data.clone()
    try:
        head.data = kept.flip(1)
        with pytest.raises(ExportFailed, match="the image tower, cosine"):
            check(bundle, model, transform, open_clip.get_tokenizer(MODEL))
    finally:
        head.data = kept


def services_tokens(original: Any) -> Callable[[str], list[int]]:
    """The exported tokenizer, used as the services use it."""
    converted, usage = portable(original)
    converted.enable_truncation(usage.context_length)
    converted.enable_padding(pad_id=usage.pad_id, length=usage.context_length)
    return lambda text: list(converted.encode(clean_text(text, usage.clean)).ids)


@pytest.mark.parametrize("clean", ["lower", "whitespace", "canonicalize"])
def test_clips_tokenizer(clean: str) -> None:
    original = SimpleTokenizer(clean=clean)
    tokens = services_tokens(original)
    names = Path(__file__).resolve().parents[4] / "shared" / "data" / "clip" / "lvis_names.txt"
    words = names.read_text("utf-8").splitlines() if names.is_file() else []
    for text in TEXTS + [f"a {word.replace('_', ' ')}" for word in words]:
        assert tokens(text) == original([text])[0].tolist(), text


@pytest.mark.parametrize("clean", ["whitespace", "lower", "canonicalize"])
def test_a_tokenizer_of_transformers(tmp_path: Path, clean: str) -> None:
    """A small one made here: no hub is asked."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    small = Tokenizer(models.BPE(unk_token="[UNK]"))
    small.pre_tokenizer = pre_tokenizers.Whitespace()
    small.normalizer = normalizers.NFKC()
    small.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=300, special_tokens=["[PAD]", "[UNK]", "</s>"]))
    PreTrainedTokenizerFast(
        tokenizer_object=small, pad_token="[PAD]", unk_token="[UNK]", eos_token="</s>"
    ).save_pretrained(tmp_path)
    original = HFTokenizer(str(tmp_path), context_length=24, clean=clean)
    tokens = services_tokens(original)
    for text in TEXTS:
        assert tokens(text) == original([text])[0].tolist(), text


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    with pytest.raises(UnsupportedTokenizer, match="object can't be exported"):
        portable(object())
    with pytest.raises(UnsupportedTokenizer, match="shortens texts by chance"):
        portable(SimpleTokenizer(reduction_mask="random"))


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("resize", ["shortest", "longest", "squash"])
def test_preprocessing_is_open_clips(resize: Any, interpolation: Any) -> None:
    mean, std = (0.48, 0.45, 0.40), (0.26, 0.26, 0.27)
    how = Preprocessing(size=224, resize=resize, interpolation=interpolation, fill=7, mean=mean, std=std)
    theirs = open_clip.image_transform(
        224, is_train=False, mean=mean, std=std, resize_mode=resize, interpolation=interpolation, fill_color=7
    )
    for pixels in pictures():
        expected = theirs(Image.fromarray(pixels)).numpy()
        assert np.abs(preprocess(pixels, how) - expected).max() < 1e-5, pixels.shape


def test_the_command_refuses_in_one_sentence(bundle: Bundle, tmp_path: Path) -> None:
    for arguments, message in [
        ([MODEL, "--pretrained", "random", str(bundle.folder)], "is there already"),
        (["No-Such-Model", "--pretrained", "random", str(tmp_path / "a")], "No-Such-Model"),
        ([MODEL, "--pretrained", str(tmp_path / "none.pt"), str(tmp_path / "b")], "could not be exported"),
    ]:
        with pytest.raises(SystemExit) as refused:
            main(arguments)
        assert message in str(refused.value.code)
        assert not list(tmp_path.iterdir())


def test_the_command_asks_which_weights() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mizzap_model_export", MODEL, "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--pretrained says which weights" in done.stderr
