"""Events by time, scenes by vector, and the same result whatever the order."""

import random
import time
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mizzap_curation.clusters import Cluster, Shot, average_linkage, cluster, split_events

DAY = datetime(2025, 10, 12, 14)
SIMILAR = 0.7
_RANDOM = np.random.default_rng(5)


def directions(count: int, dimensions: int = 64) -> np.ndarray:
    """Unit vectors, all but orthogonal."""
    return unit(_RANDOM.normal(size=(count, dimensions)))


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def near(vector: np.ndarray) -> np.ndarray:
    return unit(vector + 0.04 * _RANDOM.normal(size=vector.shape))


def at(*minutes: float) -> list[Shot]:
    return [Shot(i, DAY + timedelta(minutes=m)) for i, m in enumerate(minutes)]


def sizes(shots: list[Shot]) -> list[int]:
    return [len(event) for event in split_events(shots)]


def test_a_long_pause_between_busy_times_ends_an_event():
    party, walk = range(0, 60, 2), range(60 + 3 * 60, 60 + 4 * 60, 3)
    assert sizes(at(*party, *walk)) == [30, 20]


def test_pauses_that_are_usual_for_the_day_end_none():
    # a photo every two hours on a hike
    assert sizes(at(*range(0, 600, 120))) == [5]


def test_a_night_always_ends_an_event_and_minutes_never():
    assert sizes(at(0, 13 * 60, 26 * 60)) == [1, 1, 1]
    assert sizes(at(*[s / 60 for s in range(30)], 10, *[10 + s / 60 for s in range(30)])) == [61]


def test_no_photos_no_events():
    assert split_events([]) == [] and cluster([], {}, SIMILAR) == []


def test_scenes_of_an_event_are_told_apart_by_their_vectors():
    cake, garden = directions(2)
    shots = at(*range(10))
    vectors = {i: near(cake if i % 2 else garden) for i in range(10)}
    assert cluster(shots, vectors, SIMILAR) == [Cluster(0, (0, 2, 4, 6, 8)), Cluster(0, (1, 3, 5, 7, 9))]


def test_the_same_scene_on_another_day_is_another_cluster():
    cake = directions(1)[0]
    shots = at(0, 1, 24 * 60, 24 * 60 + 1)
    clusters = cluster(shots, {i: near(cake) for i in range(4)}, SIMILAR)
    assert clusters == [Cluster(0, (0, 1)), Cluster(1, (2, 3))]


def test_without_vectors_time_decides():
    assert cluster(at(0, 1, 1.5, 30, 31), {}, SIMILAR) == [Cluster(0, (0, 1, 2)), Cluster(0, (3, 4))]


def test_without_times_vectors_decide():
    one, other = directions(2)
    shots = [Shot(i, None) for i in range(6)]
    vectors = {i: near(one if i < 3 else other) for i in range(5)}
    assert cluster(shots, vectors, SIMILAR) == [Cluster(None, (0, 1, 2)), Cluster(None, (3, 4)), Cluster(None, (5,))]


def test_the_mean_decides_and_not_a_chain():
    """Each is close to the next, the first is far from the last: single linkage would join all of them."""
    angles = np.deg2rad(np.arange(0, 100, 10))
    chain = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    groups = average_linkage(chain, np.ones(len(chain)), 0.9)
    assert len(groups) > 1
    for group in groups:
        cosines = (chain[group] @ chain[group].T)[np.triu_indices(len(group), 1)]
        assert cosines.size == 0 or cosines.mean() > 0.8


def test_average_linkage_is_what_scipy_says():
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    vectors = unit(np.repeat(directions(12, 16), 6, axis=0) + 0.2 * _RANDOM.normal(size=(72, 16)))
    for similarity in (0.2, 0.4, 0.6, 0.8):
        tree = hierarchy.linkage(vectors, method="average", metric="cosine")
        labels = hierarchy.fcluster(tree, 1 - similarity, criterion="distance")
        theirs = {tuple(np.flatnonzero(labels == label)) for label in set(labels)}
        assert {tuple(group) for group in average_linkage(vectors, np.ones(72), similarity)} == theirs


def test_a_large_event_is_halved_without_parting_scenes():
    scenes = directions(30, 128)
    shots = [Shot(i, None) for i in range(1200)]
    vectors = {i: near(scenes[i % 30]) for i in range(1200)}
    clusters = cluster(shots, vectors, SIMILAR)
    assert [len(c.photo_ids) for c in clusters] == [40] * 30


def test_twenty_thousand_photos_without_time_take_seconds():
    scenes = directions(800, 256)
    vectors = dict(enumerate(unit(np.repeat(scenes, 25, axis=0) + 0.03 * _RANDOM.normal(size=(20_000, 256)))))
    before = time.process_time()
    clusters = cluster([Shot(i, None) for i in range(20_000)], vectors, SIMILAR)
    assert time.process_time() - before < 60
    assert sum(len(c.photo_ids) for c in clusters) == 20_000


shots_with_vectors = st.lists(
    st.tuples(st.none() | st.integers(0, 40 * 60), st.none() | st.integers(0, 3)), max_size=40
)


@settings(deadline=None, max_examples=80)
@given(shots_with_vectors, st.randoms(use_true_random=False))
def test_every_photo_is_in_one_cluster_and_the_order_is_all_the_same(drawn, order: random.Random):
    scenes = np.eye(4, 8, dtype=np.float32)
    shots = [Shot(i, None if m is None else DAY + timedelta(minutes=m)) for i, (m, _) in enumerate(drawn)]
    vectors = {i: scenes[scene] for i, (_, scene) in enumerate(drawn) if scene is not None}
    clusters = cluster(shots, vectors, SIMILAR)
    assert sorted(i for c in clusters for i in c.photo_ids) == list(range(len(drawn)))
    assert all((c.event is None) == (shots[i].taken_at is None) for c in clusters for i in c.photo_ids)
    order.shuffle(shots)
    assert cluster(shots, dict(sorted(vectors.items(), reverse=True)), SIMILAR) == clusters
