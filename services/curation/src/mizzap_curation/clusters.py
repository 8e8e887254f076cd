"""Clusters of photos: events by capture time, then similar photos inside each event by their vectors.

Events are cut where the camera paused for much longer than was usual around there (PhotoTOC, Platt et al. 2003).
Inside an event photos merge by average-linkage agglomeration of cosine similarities down to a threshold that belongs
to the embedding model. Photos without a time form one undated event; photos without a vector cluster by time alone.

The same photos give the same clusters, whatever order they come in. Nothing larger than `_LARGEST` × `_LARGEST`
similarities is ever held: larger groups are first halved along their main direction (Boley 1998, principal direction
divisive partitioning), so 20,000 photos without any time still cluster in seconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

# Platt et al. 2003, section 3: a gap ends an event when log(gap) exceeds the mean of the logarithms of the twenty gaps
# around it by log(17).
_GAP_FACTOR: Final = 17.0
_GAP_WINDOW: Final = 10
_NEVER_WITHIN: Final = timedelta(minutes=15).total_seconds()
_ALWAYS_AFTER: Final = timedelta(hours=12).total_seconds()
_SAME_SCENE: Final = timedelta(minutes=2).total_seconds()
_LARGEST: Final = 384
_POWER_STEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Shot:
    """What clustering knows of a photo. `taken_at` is the camera's local time, None when the photo doesn't say."""

    photo_id: int
    taken_at: datetime | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Photos of one event that show about the same, by time and id. `event` counts from 0; None is undated."""

    event: int | None
    photo_ids: tuple[int, ...]

    @property
    def first(self) -> int:
        """The earliest photo, which is in no other cluster: names the cluster."""
        return self.photo_ids[0]


def cluster(shots: Iterable[Shot], vectors: Mapping[int, Vector], similarity: float) -> list[Cluster]:
    """Put every photo into exactly one cluster, events in order of time, undated photos last.

    `vectors` holds a normalised vector for some or all of the photos, all from one model; `similarity` is the least
    mean cosine between two groups that merge.
    """
    ordered = sorted(shots, key=lambda shot: (shot.taken_at or datetime.max, shot.photo_id))
    dated = [shot for shot in ordered if shot.taken_at is not None]
    undated = [shot for shot in ordered if shot.taken_at is None]
    clusters = []
    for number, event in enumerate(split_events(dated)):
        clusters += [Cluster(number, ids) for ids in _cluster_event(event, vectors, similarity)]
    clusters += [Cluster(None, ids) for ids in _cluster_event(undated, vectors, similarity)]
    return clusters


def split_events(shots: Sequence[Shot]) -> list[list[Shot]]:
    """Cut dated photos, sorted by time, into events. Pauses under 15 minutes never cut, over 12 hours always."""
    gaps = _gaps(shots)
    if gaps.size == 0:
        return [list(shots)] if shots else []
    logs = np.log(np.maximum(gaps, 1.0))
    sums = np.concatenate([[0.0], np.cumsum(logs)])
    here = np.arange(gaps.size)
    first = np.maximum(here - _GAP_WINDOW, 0)
    last = np.minimum(here + _GAP_WINDOW + 1, gaps.size)
    usual = (sums[last] - sums[first]) / (last - first)
    unusual = logs >= np.log(_GAP_FACTOR) + usual
    return _split(shots, ((gaps > _NEVER_WITHIN) & unusual) | (gaps > _ALWAYS_AFTER))


def _gaps(shots: Sequence[Shot]) -> NDArray[np.float64]:
    times = [shot.taken_at for shot in shots if shot.taken_at is not None]
    return np.array([(b - a).total_seconds() for a, b in itertools.pairwise(times)])


def _split(shots: Sequence[Shot], cuts: NDArray[np.bool_]) -> list[list[Shot]]:
    """Parts of `shots`; `cuts[i]` says whether one ends after shot i."""
    borders = [0, *(np.flatnonzero(cuts) + 1).tolist(), len(shots)]
    return [list(shots[a:b]) for a, b in itertools.pairwise(borders)]


def _cluster_event(
    event: Sequence[Shot], vectors: Mapping[int, Vector], similarity: float
) -> Iterator[tuple[int, ...]]:
    """The clusters of one event, in order of their first photo."""
    seen = [shot for shot in event if shot.photo_id in vectors]
    unseen = [shot for shot in event if shot.photo_id not in vectors]
    groups = _scenes(unseen)
    if seen:
        matrix = np.stack([vectors[shot.photo_id] for shot in seen])
        for members in _agglomerate(matrix, np.arange(len(seen)), similarity):
            groups.append([seen[i] for i in members])
    place = {shot.photo_id: i for i, shot in enumerate(event)}
    for group in sorted(groups, key=lambda group: place[group[0].photo_id]):
        yield tuple(shot.photo_id for shot in group)


def _scenes(shots: Sequence[Shot]) -> list[list[Shot]]:
    """Without vectors: photos with less than two minutes between them; each photo for itself without a time."""
    if not shots:
        return []
    if shots[0].taken_at is None:
        return [[shot] for shot in shots]
    return _split(shots, _gaps(shots) > _SAME_SCENE)


def _agglomerate(matrix: Vector, rows: NDArray[np.intp], similarity: float) -> list[list[int]]:
    """Groups of row numbers, each ascending."""
    if rows.size <= _LARGEST:
        groups = average_linkage(matrix[rows], np.ones(rows.size), similarity)
        return [rows[group].tolist() for group in groups]
    lower, upper = _halve(matrix, rows)
    parts = _agglomerate(matrix, lower, similarity) + _agglomerate(matrix, upper, similarity)
    if len(parts) > _LARGEST:
        return parts
    # What the cut has parted meets again: the mean cosine of two groups is the product of their mean vectors.
    means = np.stack([matrix[part].mean(axis=0) for part in parts])
    groups = average_linkage(means, np.array([len(part) for part in parts]), similarity)
    return [sorted(row for i in group for row in parts[i]) for group in groups]


def _halve(matrix: Vector, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Two parts along the direction in which the rows differ most (power iteration).

    The cut goes through the widest gap of the middle half, so that it rarely parts neighbours and always shrinks.
    """
    centred = matrix[rows] - matrix[rows].mean(axis=0)
    direction = centred[int(np.argmax((centred**2).sum(axis=1)))]
    for _ in range(_POWER_STEPS):
        direction = centred.T @ (centred @ direction)
        length = float(np.linalg.norm(direction))
        if length == 0.0:
            break
        direction = direction / length
    along = centred @ direction
    order = np.argsort(along, kind="stable")
    quarter = rows.size // 4
    middle = quarter + 1 + int(np.argmax(np.diff(along[order])[quarter : 3 * quarter]))
    return np.sort(rows[order[:middle]]), np.sort(rows[order[middle:]])


def average_linkage(means: Vector, sizes: NDArray[np.generic], similarity: float) -> list[list[int]]:
    """Merge the two groups of highest mean cosine until none reaches `similarity` (UPGMA, Sokal and Michener 1958).

    `means` holds each group's mean of normalised vectors as a row (a single photo's vector is its own mean), `sizes`
    how many they are. Gives groups of row numbers in order of their first; ties take the lowest rows.
    """
    cosines = (means @ means.T).astype(np.float64)
    np.fill_diagonal(cosines, -np.inf)
    weights = sizes.astype(np.float64)
    members = [[i] for i in range(len(weights))]
    while len(members) > 1:
        best = cosines.max(axis=1)
        a = int(np.argmax(best))
        if best[a] < similarity:
            break
        a, b = sorted((a, int(np.argmax(cosines[a]))))
        _merge(cosines, a, b, weights)
        members[a] = sorted(members[a] + members[b])
        members[b] = []
    return [group for group in members if group]


def _merge(cosines: NDArray[np.float64], a: int, b: int, weights: NDArray[np.float64]) -> None:
    """Row a becomes both groups together (Lance and Williams 1967), row b is out of the game."""
    mean = (cosines[a] * weights[a] + cosines[b] * weights[b]) / (weights[a] + weights[b])
    weights[a] += weights[b]
    cosines[a] = cosines[:, a] = mean
    cosines[b] = cosines[:, b] = -np.inf
    cosines[a, a] = -np.inf
