"""`make demo` as its user meets it: a stack of its own, a folder in, a report out, nothing left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SECONDS = 280
COPIES_OF = {
    "2025 Tromsø/IMG_0101.jpg": {"Backup/IMG_0101.jpg", "Backup/IMG_0101 (1).jpg"},
    "Home/IMG_0440.jpg": {"Backup/old phone/IMG_0440.jpg", "Shared/blossom small.jpg"},
    "2025 Holiday/DSCF0310.jpg": {"Backup/DSCF0310.png", "Edited/sunset warm.jpg"},
    "2025 Holiday/DSCF0342.jpg": {"Shared/without place.jpg"},
    "2025 Holiday/DSCF0327.jpg": {"Shared/IMG-20250714-WA0003.jpg", "Shared/balloons.webp"},
    "2025 Holiday/DSCF0351.jpg": {"Shared/small.jpg"},
    "2025 Tromsø/IMG_0102.jpg": {"Edited/mountains black and white.jpg"},
    "Home/IMG_0533.jpg": {"Edited/city signed.jpg"},
    "Home/IMG_0455.jpg": {"Edited/daisy mirrored.jpg"},
}
EXACT = (
    ("2025 Tromsø/IMG_0101.jpg", "Backup/IMG_0101.jpg"),
    ("2025 Tromsø/IMG_0101.jpg", "Backup/IMG_0101 (1).jpg"),
    ("Home/IMG_0440.jpg", "Backup/old phone/IMG_0440.jpg"),
)
SURE_LANES = {"exact", "pixel", "near"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder with the report, and what the terminal showed."""
    folder = tmp_path_factory.mktemp("demo")
    mizzap = str(Path(sys.executable).with_name("mizzap"))
    done = subprocess.run(
        [sys.executable, "-m", "mizzap_devstack.demo", mizzap, "demo", "--out", str(folder / "my out")],
        env={**os.environ, "MIZZAP_DATA": str(folder / "data")}, capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in (folder / "data").iterdir()] == []
    return folder / "my out", done.stdout


@pytest.fixture(scope="module")
def report(demo: tuple[Path, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((demo[0] / "report.json").read_text())
    return found


def test_every_photo_is_processed_and_every_failure_named(report: dict[str, Any]) -> None:
    assert (report["photos"], report["stored"], report["processed"], report["renditions"]) == (30, 28, 27, 81)
    assert {entry["file"]: entry["code"] for entry in report["failed"]} == {
        "Backup/empty.jpg": "FILE_EMPTY",
        "Backup/interrupted copy.jpg": "IMAGE_UNREADABLE",
        "Home/notes.txt": "MEDIA_UNSUPPORTED",
    }


@pytest.mark.parametrize("original", COPIES_OF)
def test_the_copies_are_in_their_originals_group(report: dict[str, Any], original: str) -> None:
    family = {original, *COPIES_OF[original]}
    together = [set(group["members"]) for group in report["groups"] if group["lane"] in SURE_LANES]
    assert family in together, f"{family} is in none of {together}"


@pytest.mark.parametrize("original, copy", EXACT)
def test_identical_files_are_in_an_exact_group(report: dict[str, Any], original: str, copy: str) -> None:
    exact = [set(group["members"]) for group in report["groups"] if group["lane"] == "exact"]
    assert any({original, copy} <= members for members in exact)


def test_nothing_else_is_called_a_duplicate(report: dict[str, Any]) -> None:
    families = [{original, *copies} for original, copies in COPIES_OF.items()]
    sure = [group for group in report["groups"] if group["lane"] in SURE_LANES]
    assert all(any(set(group["members"]) <= family for family in families) for group in sure)
    assert all(group["keeper"] == group["members"][0] and group["reasons"] for group in sure)


def test_the_best_moments_show_no_photo_twice(report: dict[str, Any]) -> None:
    families = {name: original for original, copies in COPIES_OF.items() for name in (original, *copies)}
    shown = [families.get(name, name) for name in report["moments"]]
    assert 5 <= len(shown) <= 20 and len(shown) == len(set(shown))
    assert sum(name.startswith("Home/IMG_048") for name in shown) <= 1, "one of the burst"


def test_people_see_it_too(demo: tuple[Path, str], report: dict[str, Any]) -> None:
    out, shown = demo
    page = (out / "report.html").read_text()
    assert page.count("data:image/") >= len(report["moments"])
    assert "interrupted copy.jpg" in shown and "report.html" in shown and report["model"]["id"] in shown
