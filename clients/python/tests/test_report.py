"""The report says what happened: for scripts in JSON, for people on one page that needs no network."""

import io
import json
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mizzap_client import models, page, schemas
from mizzap_client.page import render_page
from mizzap_client.report import Library, Report, Seconds, build_report
from mizzap_client.summary import print_summary
from mizzap_client.sync import Outcome, Synced
from rich.console import Console

from clients.python.tests.shapes import group, moment, moments, pair, photo

HOSTILE = 'a/<script>alert("1")</script> [bold]&amp; "x".jpg'
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


@pytest.fixture
def library() -> Library:
    broken = {"code": "IMAGE_UNREADABLE", "message": "It ends in the middle."}
    photos = [
        photo(1, HOSTILE, takenAt="2025-07-12T20:55:31", cameraModel="X-T4"),
        photo(2, "b/copy.jpg", sha256=f"{1:064x}"), photo(3, "b/small.jpg", width=640, height=480), photo(4, "c.jpg"),
        photo(5, "broken.jpg", "failed", width=None, height=None, error=broken),
    ]  # fmt: skip
    groups = [
        group("near", [4, 3], ["The fingerprints agree."]),
        group("exact", [1, 2], ["It lies in the folder of its series."]),
    ]
    best = moments(moment(4, 0.9, "sharp"), moment(1, 0.8), photos=4)
    return Library(
        photos={entry.id: entry for entry in photos},
        groups=groups,
        pairs={
            (1, 2): pair(1, 2, "exact", ["identical, byte for byte"]),
            (4, 3): pair(4, 3, "near", ["250 of 256 bits"]),
        },
        moments=best,
        progress=schemas.ProgressNow(photos=5, stored=4, processed=4, failed=1, pending=0, renditions=12),
        stats=schemas.DuplicateStats(
            total_duplicates=2, space_to_free="2.4 MB", space_to_free_bytes=2_400_000, duplicate_percentage=50
        ),
        model=schemas.Model(id="efficientnet-lite0", dimensions=1280),
    )


@pytest.fixture
def report(library: Library) -> Report:
    empty = models.Problem(code="FILE_EMPTY", message="The file is empty.")
    outcomes = [Outcome(entry.file_name, "stored") for entry in library.photos.values() if entry.id != 2]
    outcomes += [Outcome("b/copy.jpg", "adopted"), Outcome("empty.jpg", "failed", empty)]
    return build_report(Synced(outcomes), library, Seconds(upload=1.5, processing=2.5, total=4.25))


@pytest.fixture
def html(report: Report, library: Library) -> str:
    pictures = dict.fromkeys((1, 2, 4), PIXEL)
    return render_page(report, library, pictures, folder="Holiday <2025>", made=datetime(2025, 11, 23, 2, 50))


def test_json_is_what_scripts_rely_on(report: Report, tmp_path: Path) -> None:
    report.write(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == {
        "photos": 6,
        "stored": 5,
        "processed": 4,
        "renditions": 12,
        "failed": [
            {"file": "broken.jpg", "code": "IMAGE_UNREADABLE", "message": "It ends in the middle."},
            {"file": "empty.jpg", "code": "FILE_EMPTY", "message": "The file is empty."},
        ],
        "groups": [
            {
                "lane": "exact", "keeper": HOSTILE, "members": [HOSTILE, "b/copy.jpg"],
                "reasons": ["It lies in the folder of its series."],
            },
            {"lane": "near", "keeper": "c.jpg", "members": ["c.jpg", "b/small.jpg"], "reasons": ["The fingerprints agree."]},
        ],
        "moments": ["c.jpg", HOSTILE],
        "model": {"id": "efficientnet-lite0", "dimensions": 1280},
        "seconds": {"upload": 1.5, "processing": 2.5, "total": 4.25},
    }  # fmt: skip
    assert report.photos == report.processed + len(report.failed)


class Page(HTMLParser):
    """Collects what a browser would make of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_the_page_needs_nothing_else(html: str) -> None:
    parsed = Page(html)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in parsed.tags}
    sources = [attributes["src"] for tag, attributes in parsed.tags if tag == "img"]
    assert sources and all(source and source.startswith("data:image/") for source in sources)
    assert not re.search(r"https?://|url\(|@import", html)


def test_hostile_file_names_stay_words(html: str) -> None:
    parsed = Page(html)
    assert HOSTILE.rpartition("/")[2] in parsed.words
    assert "Holiday <2025>" in parsed.words


def test_the_page_shows_groups_moments_and_failures(html: str) -> None:
    words = Page(html).words
    for expected in ("copy.jpg", "small.jpg", "identical, byte for byte", "250 of 256 bits", "FILE_EMPTY", "2.4 MB"):
        assert expected in words
    figures = re.findall(r'<figure class="(\w*)">\s*<div class="frame">', html)
    assert figures == ["keeper", "", "keeper", ""]
    assert html.count("no preview") == 1  # photo 3, whose rendition was not there
    assert words.index("exact") < words.index("near")


def test_a_library_without_anything(library: Library) -> None:
    nothing = moments()
    no_model = schemas.Model(id=None, dimensions=None)
    empty = Library({}, [], {}, nothing, library.progress, library.stats, no_model)
    report = build_report(Synced(), empty, Seconds(upload=0, processing=0, total=0))
    words = Page(render_page(report, empty, {}, folder="x", made=datetime.now())).words
    assert "No photo is here twice." in words and "Not taken in" not in words
    print_summary(Console(quiet=True), report, empty, folder="x", out=Path("out"))


def test_many_pictures_do_not_blow_up_the_page(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PICTURES_AT_MOST", 3)
    assert page.wanted_pictures(library) == [4, 1, 3]


def test_the_summary_names_what_matters(report: Report, library: Library, tmp_path: Path) -> None:
    console = Console(record=True, width=120, file=io.StringIO())
    print_summary(console, report, library, folder="Holiday [2025]", out=tmp_path)
    text = console.export_text()
    for expected in ("Holiday [2025]", HOSTILE, "b/copy.jpg", "FILE_EMPTY", "5 stored as 4 originals", "report.html"):
        assert expected in text


def test_identical_files_are_in_an_exact_group_whatever_else_is_like_them(library: Library) -> None:
    """With a variant beside them, their group as a whole is only as certain as the variant."""
    mixed = group("near", [4, 3, 1, 2], ["The fingerprints agree."])
    alike = {
        number: photo(number, f"{number}.jpg", sha256="a" * 64 if number < 3 else str(number) * 64)
        for number in range(1, 6)
    }
    report = build_report(
        Synced(), replace(library, photos=alike, groups=[mixed]), Seconds(upload=0, processing=0, total=0)
    )
    assert [(group.lane, group.keeper, group.members) for group in report.groups] == [
        ("exact", "1.jpg", ["1.jpg", "2.jpg"]),
        ("near", "4.jpg", ["4.jpg", "3.jpg", "1.jpg", "2.jpg"]),
    ]
