"""Duplicates among real photos: each light edit is found, and no two different photos are called one."""

from pathlib import Path

import pytest

from tests.quality.duplicates import COPY, LIGHT, OTHER, Outcome, run


@pytest.fixture(scope="module")
def outcome(shared_data: Path) -> Outcome:
    if not (shared_data.parent / "tools" / "variants.py").exists():
        pytest.skip("the tool that makes variants is not here")
    return run(shared_data, photos=12, per_photo=3, seed=7)


def test_every_light_edit_and_every_copy_is_in_its_originals_group(outcome: Outcome) -> None:
    expected = [(file, found) for file, found in outcome.recalled() if file.kind in LIGHT | {COPY}]
    assert len(expected) > 20
    assert [file.path.name for file, found in expected if not found] == []


def test_no_two_photos_are_called_one(outcome: Outcome) -> None:
    assert outcome.false_pairs() == []


def test_walks_and_series_are_in_no_group(outcome: Outcome) -> None:
    grouped = outcome.together()
    others = [photo for photo in outcome.photos if photo.file.kind == OTHER]
    assert len(others) == 40
    assert [photo.file.path.name for photo in others if photo.number in grouped] == []


def test_the_original_is_kept_and_not_what_was_made_of_it(outcome: Outcome) -> None:
    files = {photo.number: photo.file for photo in outcome.photos}
    kinds = [files[star.keeper].kind for star in outcome.groups]
    assert kinds.count("original") + kinds.count("copy") == len(kinds)
