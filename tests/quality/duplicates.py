"""How well duplicates are found among real photos: recall per kind of edit, false pairs, what a group may not hold.

``python -m tests.quality.duplicates [--photos 40] [--per-photo 3] [--seeds 1 2 3]``

Makes the demo's folder (edited copies by ``variants.py``, exact copies, a walk, a tripod's series) and runs the dedup
service's own rules over it, in one process and without servers: the hashes, the vectors, the second look, the groups.
Thresholds were chosen on photos whose name's hash is even; the column "checking" is about the others.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.kinds import sniff
from mizzap_common.models.choose import choose_bundle
from mizzap_dedup.examine import Examination, examine, load
from mizzap_dedup.fingerprint import PDQ_CANDIDATE, distance, nearest_look
from mizzap_dedup.geometry import View, look_twice
from mizzap_dedup.grouping import Edge, Group, group
from mizzap_dedup.keeper import Candidate
from mizzap_dedup.lanes import Evidence, Likeness, VectorThresholds, decide, wants_second_look
from mizzap_dedup.search import MOST_BY_HASH, MOST_BY_VECTOR, MOST_LOOKS_BY_HASH, MOST_LOOKS_BY_VECTOR
from mizzap_dedup.shots import Shot, told_apart
from mizzap_dedup.spaces import thresholds_of

ROOT = Path(__file__).resolve().parents[2]
LIGHT = frozenset(
    [
        "jpeg95",
        "jpeg75",
        "jpeg50",
        "jpeg30",
        "webp80",
        "heic50",
        "png",
        "resize75",
        "resize50",
        "resize25",
        "messenger",
        "brighter",
        "darker",
        "contrast",
        "vivid",
        "grey",
        "sepia",
        "blur",
        "noise",
        "watermark",
    ]
)
"""Re-encoded, resized or filtered: each of them is to be found."""

ONE_PICTURE = {"IMG_2927": "one", "exif-at-eof": "one", "portrait": "two", "portrait-orientation-6": "two"}
"""Files of the collection that hold the same picture under two names."""

COPY, ORIGINAL, OTHER = "copy", "original", "other"


@dataclass(frozen=True)
class File:
    """A photo with the truth about it: ``scene`` is the same for photos that are one, ``kind`` the edit it is."""

    path: Path
    scene: str
    kind: str
    original: Path | None = None

    @property
    def checking(self) -> bool:
        name = (self.original or self.path).name
        return hashlib.sha256(name.split("_", 1)[-1].encode()).digest()[0] % 2 == 1


@dataclass
class Photo:
    """A file as the service sees it."""

    number: int
    file: File
    evidence: Evidence
    found: Examination
    candidate: Candidate
    view: View


@dataclass
class Outcome:
    photos: list[Photo]
    groups: list[Group]
    looks: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def photos_by_number(self) -> dict[int, Photo]:
        return {photo.number: photo for photo in self.photos}

    def together(self) -> dict[int, set[int]]:
        """For each photo those of its group, itself included."""
        found: dict[int, set[int]] = {}
        for star in self.groups:
            members = {star.keeper, *star.members}
            found.update(dict.fromkeys(members, members))
        return found

    def false_pairs(self) -> list[tuple[str, str]]:
        """Pairs of two different photos that share a group."""
        files = {number: photo.file for number, photo in self.photos_by_number.items()}
        return [
            (files[star.keeper].path.name, files[member].path.name)
            for star in self.groups
            for member in star.members
            if files[member].scene != files[star.keeper].scene
        ]

    def recalled(self) -> list[tuple[File, bool]]:
        """For each edited or exact copy whether it is in its original's group."""
        numbers = {photo.file.path: photo.number for photo in self.photos}
        together = self.together()
        return [
            (photo.file, numbers[photo.file.original] in together.get(photo.number, ()))
            for photo in self.photos
            if photo.file.original is not None
        ]


def make_folder(shared: Path, out: Path, photos: int, per_photo: int, seed: int) -> list[File]:
    """The demo's folder and the truth about its files."""
    data = shared / "photos"
    tool = shared.parent / "tools" / "variants.py"
    arguments = ["--photos", str(photos), "--per-photo", str(per_photo), "--seed", str(seed)]
    subprocess.run(
        [sys.executable, str(tool), str(data / "cameras"), str(out), *arguments], check=True, stdout=subprocess.DEVNULL
    )
    originals = sorted((out / "originals").iterdir())
    files = [File(path, _scene(path), ORIGINAL) for path in originals]
    for row in (out / "labels.tsv").read_text().splitlines()[1:]:
        variant, original, transform = row.split("\t")
        files.append(File(out / variant, _scene(out / original), transform, out / original))
    (out / "copies").mkdir()
    for path in originals[::4]:
        copy = out / "copies" / f"copy of {path.name}"
        shutil.copyfile(path, copy)
        files.append(File(copy, _scene(path), COPY, path))
    for folder in ("walks", "brackets"):
        files += [File(path, str(path.relative_to(data)), OTHER) for path in sorted((data / folder).rglob("*.jpg"))]
    return files


def _scene(original: Path) -> str:
    stem = original.stem.split("_", 1)[1]
    return ONE_PICTURE.get(stem, original.name)


def look_at(files: Iterable[File]) -> list[Photo]:
    """Decoded, hashed and embedded, as the service's children do it; files that don't decode are left out."""
    photos = []
    for number, file in enumerate(files):
        data = file.path.read_bytes()
        try:
            found = examine(data, embed=True)
        except ImageError:
            continue
        said = found.metadata
        shot = Shot(
            said.taken_at, said.offset_minutes, said.camera_make, said.camera_model, said.camera_serial, said.burst_id
        )
        hashes = found.fingerprint
        candidate = Candidate(
            number, sniff(data[:64]) or "", len(data), said.width, said.height, shot.by_camera, said.taken_at
        )  # fmt: skip
        evidence = Evidence(hashlib.sha256(data).hexdigest(), hashes.pixel_hash, hashes.pdq_quality, shot)
        photos.append(Photo(number, file, evidence, found, candidate, View(found.pixels)))
    return photos


def find(photos: Sequence[Photo], thresholds: VectorThresholds | None) -> Outcome:
    """Each photo against those that came before it, within the service's bounds; then the groups of all."""
    outcome = Outcome(list(photos), [])
    edges: list[Edge] = []
    started = time.process_time()
    for at, photo in enumerate(photos):
        others = _candidates(photo, photos[:at], thresholds)
        unsure = [o for o in others if wants_second_look(photo.evidence, o[0].evidence, o[1], thresholds)]
        sharper = {}
        for other, like in _likeliest(unsure):
            alignment = look_twice(photo.view, other.view, like.look)
            sharper[other.number] = Likeness(like.look, like.phash_distance, like.cosine, alignment)
            outcome.looks += 1
        for other, like in others:
            match = decide(photo.evidence, other.evidence, sharper.get(other.number, like), thresholds)
            if match is not None:
                edges.append(Edge(other.number, photo.number, match))
    by_number = outcome.photos_by_number

    def different(left: int, right: int) -> bool:
        one, other = by_number[left].evidence, by_number[right].evidence
        return one.pixel_hash != other.pixel_hash and told_apart(one.shot, other.shot) is not None

    outcome.groups = group([photo.candidate for photo in photos], edges, different)
    outcome.seconds["search"] = time.process_time() - started
    return outcome


def _candidates(
    photo: Photo, earlier: Sequence[Photo], thresholds: VectorThresholds | None
) -> list[tuple[Photo, Likeness]]:
    hashes = photo.found.fingerprint
    likenesses = []
    for other in earlier:
        theirs = other.found.fingerprint
        look = nearest_look(hashes, theirs.pdq, theirs.trimmed)
        likenesses.append((other, Likeness(look, distance(hashes.phash, theirs.phash), _cosine(photo, other))))
    same = [p for p in likenesses if p[1].look.distance <= PDQ_CANDIDATE or _equal(photo, p[0])]
    same.sort(key=lambda pair: (not _equal(photo, pair[0]), pair[1].look.distance))
    alike = [p for p in likenesses if thresholds and (p[1].cosine or 0) >= thresholds.candidate]
    alike.sort(key=lambda pair: -(pair[1].cosine or 0))
    chosen = {p[0].number: p for p in (*same[:MOST_BY_HASH], *alike[:MOST_BY_VECTOR])}
    return list(chosen.values())


def _likeliest(unsure: list[tuple[Photo, Likeness]]) -> list[tuple[Photo, Likeness]]:
    by_hash = [pair for pair in unsure if pair[1].look.distance <= PDQ_CANDIDATE]
    by_vector = [pair for pair in unsure if pair[1].look.distance > PDQ_CANDIDATE]
    by_hash.sort(key=lambda pair: pair[1].look.distance)
    by_vector.sort(key=lambda pair: -(pair[1].cosine or 0))
    return by_hash[:MOST_LOOKS_BY_HASH] + by_vector[:MOST_LOOKS_BY_VECTOR]


def _equal(photo: Photo, other: Photo) -> bool:
    return photo.evidence.sha256 == other.evidence.sha256 or photo.evidence.pixel_hash == other.evidence.pixel_hash


def _cosine(photo: Photo, other: Photo) -> float | None:
    mine, theirs = photo.found.vector, other.found.vector
    return None if mine is None or theirs is None else float(mine @ theirs)


def run(shared: Path, photos: int, per_photo: int, seed: int) -> Outcome:
    """One folder, from the files to the groups, with the model that this installation has."""
    bundle = choose_bundle("development", None)
    load(bundle)
    with tempfile.TemporaryDirectory() as folder:
        seen = look_at(make_folder(shared, Path(folder), photos, per_photo, seed))
    return find(seen, thresholds_of(bundle.id) if bundle else None)


def print_table(outcomes: Sequence[Outcome]) -> None:
    recalled = [pair for outcome in outcomes for pair in outcome.recalled()]
    missed = [f"{file.kind}: {file.path.name}" for file, found in recalled if not found]
    counts: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for file, found in recalled:
        counts[file.kind].append((found, file.checking))
    print(f"{'edit':14}{'photos':>8}{'found':>8}{'tuning':>8}{'checking':>10}")
    for kind in sorted(counts, key=lambda kind: (kind not in LIGHT, kind)):
        rows = counts[kind]
        shares = [_share(found for found, _ in rows)]
        shares += [_share(found for found, checking in rows if checking == which) for which in (False, True)]
        print(f"{kind:14}{len(rows):8}{shares[0]:>8}{shares[1]:>8}{shares[2]:>10}")
    photos = sum(len(outcome.photos) for outcome in outcomes)
    false = [pair for outcome in outcomes for pair in outcome.false_pairs()]
    others = [p for o in outcomes for p in o.photos if p.file.kind == OTHER and p.number in o.together()]
    print(f"{photos} photos, {sum(len(o.groups) for o in outcomes)} groups, {len(false)} false pairs, ", end="")
    print(f"{len(others)} photos of walks and series in a group, {sum(o.looks for o in outcomes)} second looks")
    kept = [o.photos_by_number[star.keeper].file.kind in (ORIGINAL, COPY) for o in outcomes for star in o.groups]
    print(f"the original is the suggested keeper in {sum(kept)} of {len(kept)} groups")
    for line in [*(f"false pair: {left} | {right}" for left, right in false), *(f"missed {name}" for name in missed)]:
        print(line)


def _share(found: Iterable[bool]) -> str:
    values = list(found)
    return f"{np.mean(values):.2f}" if values else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--per-photo", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "data")
    given = parser.parse_args()
    if not given.shared.is_dir():
        sys.exit(f"The real photos are not here: there is no folder {given.shared}.")
    print_table([run(given.shared, given.photos, given.per_photo, seed) for seed in given.seeds])


if __name__ == "__main__":
    main()
