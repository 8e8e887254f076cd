"""Every file under a folder is found once, whatever lies there."""

import hashlib
import os
from pathlib import Path

import pytest
from mizzap_client.folder import list_folder, sha256_of


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def names(folder: Path) -> list[str]:
    return [file.name for file in list_folder(folder).files]


def test_names_are_relative_and_sorted(tmp_path: Path) -> None:
    put(tmp_path, "b.jpg", "a/2.jpg", "a/1.jpg", "Ä/ü.jpg", ".hidden/x.jpg")
    assert names(tmp_path) == [".hidden/x.jpg", "a/1.jpg", "a/2.jpg", "b.jpg", "Ä/ü.jpg"]


def test_only_known_junk_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, ".DS_Store", "a/Thumbs.db", "._IMG_1.jpg", ".photo.jpg", "IMG_1.jpg")
    listing = list_folder(tmp_path)
    assert sorted(listing.junk) == [".DS_Store", "._IMG_1.jpg", "a/Thumbs.db"]
    assert [file.name for file in listing.files] == [".photo.jpg", "IMG_1.jpg"]


def test_links_are_followed_but_not_for_ever(tmp_path: Path) -> None:
    put(tmp_path / "photos", "a/1.jpg", "z/2.jpg")
    put(tmp_path / "elsewhere", "3.jpg")
    (tmp_path / "photos/a/up").symlink_to(tmp_path / "photos", target_is_directory=True)
    (tmp_path / "photos/linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "photos/0").symlink_to(tmp_path / "photos/z", target_is_directory=True)
    assert names(tmp_path / "photos") == ["a/1.jpg", "z/2.jpg", "linked/3.jpg"]


def test_what_cannot_be_sent_is_named_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path, "ok.jpg", "line\nbreak.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    with open(os.fsencode(tmp_path) + b"/latin-\xe9.jpg", "wb"):
        pass
    put(tmp_path, "/".join(["d" * 60] * 5) + ".jpg")
    listing = list_folder(tmp_path)
    found = {unusable.name.replace("d" * 60, "d"): unusable.problem.code for unusable in listing.unusable}
    assert found == {
        "line\nbreak.jpg": "FILE_NAME_INVALID",
        "pipe.jpg": "FILE_UNREADABLE",
        "gone.jpg": "FILE_UNREADABLE",
        "latin-\\udce9.jpg": "FILE_NAME_INVALID",
        "d/d/d/d/d.jpg": "FILE_NAME_INVALID",
    }
    assert [file.name for file in listing.files] == ["ok.jpg"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_folder(tmp_path / "nowhere")


def test_hash(tmp_path: Path) -> None:
    put(tmp_path, "a")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"a").hexdigest()
