"""Decides what has to travel: nothing that the server has already, and nothing twice."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mizzap_client.folder import File


@dataclass(frozen=True)
class HashedFile:
    file: File
    sha256: str

    @property
    def name(self) -> str:
        return self.file.name


@dataclass(frozen=True)
class SameBytes:
    """Files of one content. ``send`` is uploaded first, then the others only name what is there."""

    send: HashedFile | None
    """None when the server has these bytes."""
    adopt: tuple[HashedFile, ...]


@dataclass(frozen=True)
class Plan:
    known: tuple[HashedFile, ...]
    """The server has these bytes under this name: nothing to do."""
    work: tuple[SameBytes, ...]

    @property
    def files_to_bring(self) -> int:
        return sum((same.send is not None) + len(same.adopt) for same in self.work)

    @property
    def bytes_to_send(self) -> int:
        return sum(same.send.file.size for same in self.work if same.send)


def plan(files: Iterable[HashedFile], stored: Mapping[str, Collection[str]]) -> Plan:
    """``stored``: for each SHA-256 that the server has, the file names that it has it under."""
    by_content: dict[str, list[HashedFile]] = {}
    for file in files:
        by_content.setdefault(file.sha256, []).append(file)
    known: list[HashedFile] = []
    work: list[SameBytes] = []
    for sha256, same in by_content.items():
        # the oldest first: it is the likely original, and what comes first counts as that with the server too
        same.sort(key=lambda file: (file.file.modified, file.name))
        if sha256 not in stored:
            work.append(SameBytes(same[0], tuple(same[1:])))
            continue
        known += [file for file in same if file.name in stored[sha256]]
        if new := tuple(file for file in same if file.name not in stored[sha256]):
            work.append(SameBytes(None, new))
    return Plan(tuple(known), tuple(work))
