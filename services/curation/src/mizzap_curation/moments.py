"""The best moments of a library: up to twenty photos, spread over events, scenes and contents.

Seats are given one at a time. Events compete by the square root of their size under Sainte-Laguë's method (a party of
400 photos gets more than a walk of ten, and never all), the scenes (clusters) of an event in the same way, and what
resembles the photos already chosen falls behind (maximal marginal relevance, Carbonell and Goldstein 1998). A scene
sends its technically best photo, compared inside the scene only, and at most a second one that looks different.

Never two of one duplicate group, never two near-identical ones; blurred and dark photos and screenshots only where an
event has nothing else. What the user put in stays, what the user took out stays out, with all its copies.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mizzap_curation.clusters import Cluster, Vector
from mizzap_curation.gate import fault
from mizzap_curation.groups import Groups
from mizzap_curation.quality import Quality

LIMIT: Final = 20
_PER_SCENE: Final = 2
_CONTENDERS: Final = 2_000  # scenes that compete for the twenty seats, the ones with the strongest claims
_UNKNOWN_NOVELTY: Final = 0.5  # of photos without a vector: between a twin and a stranger


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored photo. `taken_at` is the camera's local time."""

    photo_id: int
    taken_at: datetime | None
    quality: Quality
    screenshot: bool = False


@dataclass(frozen=True, slots=True)
class Library:
    """All that the choice is made from: every candidate is in exactly one cluster.

    `vectors` are normalised, from one model, for some or all candidates; from a cosine of `near_identical` on two
    photos count as one.
    """

    candidates: Sequence[Candidate]
    clusters: Sequence[Cluster]
    vectors: Mapping[int, Vector]
    groups: Groups
    near_identical: float


@dataclass(frozen=True, slots=True)
class Pick:
    """A chosen photo and the scene it comes from; `fault` is what speaks against it, where nothing better was there."""

    candidate: Candidate
    scene: Cluster
    pinned: bool
    fault: str | None = None


def choose(library: Library, pinned: Collection[int] = (), removed: Collection[int] = ()) -> list[Pick]:
    """The moments by time, undated ones last: at most `LIMIT`, with all pinned photos that are candidates.

    The same library gives the same moments, whatever order its parts come in. Raises ValueError when more than `LIMIT`
    candidates are pinned.
    """
    contest = _Contest(library, set(pinned), set(removed))
    if len(contest.picks) > LIMIT:
        raise ValueError(f"{len(contest.picks)} photos are pinned, {LIMIT} can be")
    contest.fill([p for p in contest.eligible if not _has_fault(p)], _PER_SCENE)
    contest.fill([p for p in contest.best_of_events(contest.faulty_events()) if not p.screenshot], 1)
    if not contest.picks:
        contest.fill(contest.best_of_events(contest.events), 1)
    return sorted(contest.picks, key=lambda pick: (pick.candidate.taken_at or datetime.max, pick.candidate.photo_id))


def rank(candidate: Candidate) -> tuple[float, int]:
    """Sorts photos of one scene, the technically best first. Says nothing between scenes."""
    return -candidate.quality.total, candidate.photo_id


@dataclass(slots=True, eq=False)
class _Queue:
    """A scene in the contest: the photos that it may still send, the best first."""

    scene: Cluster
    waiting: list[Candidate]
    resemblance: float | None = None
    """Highest cosine of the first waiting photo to a chosen one; None before it was compared, or without a vector."""


class _Contest:
    """The state of one choice: who has a seat and who is eligible."""

    def __init__(self, library: Library, pinned: set[int], removed: set[int]) -> None:
        self._library = library
        self._scene_of = {photo_id: cluster for cluster in library.clusters for photo_id in cluster.photo_ids}
        self._event_size: dict[int | None, int] = {}
        self._largest_scene: dict[int | None, int] = {}
        for cluster in library.clusters:
            size = len(cluster.photo_ids)
            self._event_size[cluster.event] = self._event_size.get(cluster.event, 0) + size
            self._largest_scene[cluster.event] = max(self._largest_scene.get(cluster.event, 0), size)
        self.events = set(self._event_size)
        self._event_seats: dict[int | None, int] = {}
        self._scene_seats: dict[int, int] = {}
        self.picks: list[Pick] = []
        decided = {library.groups.of(photo_id) for photo_id in pinned | removed}
        self.eligible = [p for p in _one_per_group(library) if library.groups.of(p.photo_id) not in decided]
        for candidate in library.candidates:
            if candidate.photo_id in pinned:
                self._seat(candidate, pinned=True)

    def faulty_events(self) -> set[int | None]:
        """The events that have no faultless photo, whether it is eligible or not."""
        return self.events - {self._scene_of[p.photo_id].event for p in self._library.candidates if not _has_fault(p)}

    def best_of_events(self, events: Collection[int | None]) -> list[Candidate]:
        """The best eligible photo of each of these events; screenshots come after all others."""
        best: dict[int | None, Candidate] = {}
        for photo in sorted(self.eligible, key=lambda photo: (photo.screenshot, rank(photo))):
            event = self._scene_of[photo.photo_id].event
            if event in events:
                best.setdefault(event, photo)
        return list(best.values())

    def fill(self, photos: Sequence[Candidate], per_scene: int) -> None:
        """Give the free seats to these photos, until there are none left or nobody waits."""
        queues = self._queues(photos)
        for queue in queues:
            self._drop_twins(queue)
        while len(self.picks) < LIMIT:
            queues = [q for q in queues if q.waiting and self._scene_seats.get(q.scene.first, 0) < per_scene]
            if not queues:
                return
            # the first of equals wins, and the queues are in order
            winner = max(queues, key=lambda queue: self._claim(queue.scene) * _novelty(queue))
            photo = winner.waiting.pop(0)
            self._seat(photo, pinned=False)
            winner.resemblance = None
            for queue in queues:
                if queue is not winner and queue.waiting:
                    queue.resemblance = _highest(queue.resemblance, self._cosine(queue.waiting[0], photo))
                self._drop_twins(queue)

    def _queues(self, photos: Sequence[Candidate]) -> list[_Queue]:
        """A queue per scene, the strongest claim first and the earlier scene before its equals."""
        by_scene: dict[int, list[Candidate]] = {}
        for photo in sorted(photos, key=rank):
            by_scene.setdefault(self._scene_of[photo.photo_id].first, []).append(photo)
        queues = [_Queue(self._scene_of[first], waiting) for first, waiting in by_scene.items()]
        queues.sort(key=lambda queue: (-self._claim(queue.scene), queue.scene.first))
        return queues[:_CONTENDERS]

    def _claim(self, scene: Cluster) -> float:
        """Sainte-Laguë's quotient of the event times that of the scene among the scenes of its event."""
        event = math.sqrt(self._event_size[scene.event]) / (2 * self._event_seats.get(scene.event, 0) + 1)
        share = math.sqrt(len(scene.photo_ids) / self._largest_scene[scene.event])
        return event * share / (2 * self._scene_seats.get(scene.first, 0) + 1)

    def _drop_twins(self, queue: _Queue) -> None:
        """Let go of the first in the queue as long as it is near-identical to a chosen photo."""
        while queue.waiting:
            if queue.resemblance is None:
                for pick in self.picks:
                    queue.resemblance = _highest(queue.resemblance, self._cosine(queue.waiting[0], pick.candidate))
            if queue.resemblance is None or queue.resemblance < self._library.near_identical:
                return
            queue.waiting.pop(0)
            queue.resemblance = None

    def _seat(self, candidate: Candidate, pinned: bool) -> None:
        scene = self._scene_of[candidate.photo_id]
        self._event_seats[scene.event] = self._event_seats.get(scene.event, 0) + 1
        self._scene_seats[scene.first] = self._scene_seats.get(scene.first, 0) + 1
        self.picks.append(Pick(candidate, scene, pinned, fault(candidate.quality, candidate.screenshot)))

    def _cosine(self, one: Candidate, other: Candidate) -> float | None:
        first, second = (self._library.vectors.get(photo.photo_id) for photo in (one, other))
        return None if first is None or second is None else float(first @ second)


def _one_per_group(library: Library) -> list[Candidate]:
    """Of each duplicate group one candidate: a faultless one if there is any, and of those the keeper."""
    best: dict[int, Candidate] = {}
    for photo in sorted(
        library.candidates,
        key=lambda p: (_has_fault(p), library.groups.is_duplicate(p.photo_id), rank(p)),
    ):
        best.setdefault(library.groups.of(photo.photo_id), photo)
    return list(best.values())


def _has_fault(candidate: Candidate) -> bool:
    return fault(candidate.quality, candidate.screenshot) is not None


def _novelty(queue: _Queue) -> float:
    return _UNKNOWN_NOVELTY if queue.resemblance is None else 1.0 - max(queue.resemblance, 0.0)


def _highest(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
