"""What lies under a folder: every file, named as it will be uploaded, and what can't be read."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mizzap_client.models import Problem

JUNK = {".ds_store", ".localized", "thumbs.db", "ehthumbs.db", "desktop.ini", ".directory", ".nomedia", ".picasa.ini"}
"""Lower-case names of files that systems leave in every folder. Files starting with "._" are macOS's companions."""
FILE_NAME_AT_MOST = 255
"""Characters of a name, with its folders: the API's limit."""


@dataclass(frozen=True)
class File:
    path: Path
    name: str
    """Relative to the folder, with "/" on every system."""
    size: int
    """In bytes, when the folder was walked."""
    modified: float = 0.0
    """Seconds since 1970."""


@dataclass(frozen=True)
class Unusable:
    """A file, or a whole folder, that can't be sent."""

    name: str
    problem: Problem


@dataclass
class Listing:
    files: list[File] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    junk: list[str] = field(default_factory=list)
    """Names of files left out on purpose."""


def list_folder(folder: Path) -> Listing:
    """Sorted by name. Links are followed, but no folder is entered twice, so that loops end.

    Raises OSError when ``folder`` itself can't be read.
    """
    listing = Listing()
    os.scandir(folder).close()
    for path in _walk(folder, listing.unusable, set(), folder):
        name = path.relative_to(folder).as_posix()
        if path.name.lower() in JUNK or path.name.startswith("._"):
            listing.junk.append(name)
        else:
            _add(listing, path, name)
    return listing


def sha256_of(path: Path) -> str:
    """Hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _walk(folder: Path, unusable: list[Unusable], entered: set[tuple[int, int]], root: Path) -> Iterator[Path]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in entered:
            return
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            # linked folders last: what is in them by right keeps its own name
            found = sorted(entries, key=lambda entry: (entry.is_symlink(), entry.name))
    except OSError as error:
        unusable.append(_unreadable(folder.relative_to(root).as_posix() + "/", error))
        return
    for entry in found:
        if entry.is_dir():
            yield from _walk(folder / entry.name, unusable, entered, root)
        else:
            yield folder / entry.name


def _add(listing: Listing, path: Path, name: str) -> None:
    if problem := _name_problem(name):
        listing.unusable.append(Unusable(_printable(name), problem))
        return
    try:
        status = path.stat()
    except OSError as error:
        listing.unusable.append(_unreadable(name, error))
        return
    if not stat.S_ISREG(status.st_mode):
        # opening a pipe would wait for ever
        message = "This is no ordinary file but a pipe, a socket or a device."
        listing.unusable.append(Unusable(name, Problem(code="FILE_UNREADABLE", message=message)))
        return
    listing.files.append(File(path, name, status.st_size, status.st_mtime))


def _name_problem(name: str) -> Problem | None:
    if len(name) > FILE_NAME_AT_MOST:
        message = f"The name with its folders has more than {FILE_NAME_AT_MOST} characters."
    elif any(character < " " for character in name):
        message = "The name has control characters in it."
    elif _printable(name) != name:
        message = "The name is no valid UTF-8."
    else:
        return None
    return Problem(code="FILE_NAME_INVALID", message=message)


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _unreadable(name: str, error: OSError) -> Unusable:
    return Unusable(_printable(name), unreadable_problem(error))


def unreadable_problem(error: OSError) -> Problem:
    return Problem(code="FILE_UNREADABLE", message=f"It can't be read from this disk: {error.strerror or error}.")
