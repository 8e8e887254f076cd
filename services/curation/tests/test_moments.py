"""The best moments: what must always hold, and what a person would expect."""

import random
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mizzap_curation.clusters import Cluster, Shot, cluster
from mizzap_curation.gate import fault
from mizzap_curation.groups import Groups
from mizzap_curation.moments import LIMIT, Candidate, Library, choose
from mizzap_curation.quality import Quality
from mizzap_curation.reasons import explain

DAY = datetime(2025, 10, 12, 14)
NEAR = 0.9


def quality(value: float = 0.8, sharpness: float = 0.8) -> Quality:
    return Quality(sharpness, value, value, value, value, value)


def candidate(photo_id: int, minute: float | None = 0, value: float = 0.8, **more) -> Candidate:
    taken_at = None if minute is None else DAY + timedelta(minutes=minute)
    return Candidate(photo_id, taken_at, quality(value, more.pop("sharpness", 0.8)), **more)


def library(candidates, vectors=None, pairs=()) -> Library:
    vectors = vectors or {}
    clusters = cluster([Shot(c.photo_id, c.taken_at) for c in candidates], vectors, 0.7)
    return Library(candidates, clusters, vectors, Groups(pairs), NEAR)


def ids(picks) -> list[int]:
    return [pick.candidate.photo_id for pick in picks]


def axes(*which: int) -> dict[int, np.ndarray]:
    """A vector per photo; photos with the same number share the direction, others are orthogonal."""
    return {i: np.eye(max(which) + 1, dtype=np.float32)[axis] for i, axis in enumerate(which)}


def test_the_best_of_a_scene_speaks_for_it():
    photos = [candidate(i, i / 10, value) for i, value in enumerate((0.7, 0.95, 0.8))]
    assert ids(choose(library(photos, axes(0, 0, 0)))) == [1]


def test_a_second_view_of_a_scene_comes_along_if_it_looks_different():
    photos = [candidate(i, i / 10) for i in range(3)]
    angles = np.deg2rad([0, 40, 41])
    vectors = dict(enumerate(np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)))
    assert ids(choose(library(photos, vectors))) == [0, 1]


def test_every_event_gets_a_photo_before_a_big_one_takes_all():
    party = [candidate(i, i * 3) for i in range(300)]
    walks = [candidate(1000 + day * 10 + i, (day + 1) * 1440 + i * 3) for day in range(10) for i in range(4)]
    picks = choose(library(party + walks, {}))
    days = [pick.candidate.taken_at.date() for pick in picks]
    assert len(picks) == LIMIT
    assert len(set(days)) == 11
    assert days.count(DAY.date()) > 2


def test_what_resembles_the_chosen_ones_comes_later():
    """Twenty-one scenes for twenty seats: the one that is left out is the one that is most like another."""
    photos = [candidate(i, i * 1440) for i in range(21)]
    vectors = {i: np.eye(21, dtype=np.float32)[i] for i in range(21)}
    vectors[7] = (0.8 * vectors[6] + 0.6 * vectors[7]).astype(np.float32)
    assert set(range(21)) - set(ids(choose(library(photos, vectors)))) == {7}


def test_one_of_a_duplicate_group_and_that_is_the_keeper():
    photos = [candidate(i, i * 1440, value) for i, value in enumerate((0.9, 0.8, 0.7, 0.6))]
    assert ids(choose(library(photos, pairs=[(2, 0), (2, 1)]))) == [2, 3]


def test_a_copy_whose_keeper_is_not_there_competes_by_its_quality():
    photos = [candidate(0, 0, 0.7), candidate(1, 0.1, 0.9)]
    assert ids(choose(library(photos, axes(0, 0), pairs=[(99, 1)]))) == [1]


def test_near_identical_photos_of_two_days_are_one():
    photos = [candidate(0, 0), candidate(1, 1440)]
    assert len(choose(library(photos, axes(0, 0)))) == 1


def test_faulty_photos_stay_out_where_there_are_others():
    photos = [
        candidate(0, 0),
        candidate(1, 20, sharpness=0.2),
        candidate(2, 40, screenshot=True),
        candidate(3, 60, value=0.2),
        candidate(4, 1440 * 3, sharpness=0.3),
        candidate(5, 1440 * 3 + 20, sharpness=0.4),
        candidate(6, 1440 * 6, screenshot=True),
    ]
    picks = choose(library(photos))
    assert ids(picks) == [0, 5]
    assert [pick.fault for pick in picks] == [None, "blurred"]


def test_a_library_of_screenshots_shows_screenshots():
    assert ids(choose(library([candidate(1, 0, screenshot=True), candidate(2, 9000, screenshot=True)]))) == [1, 2]


def test_pinned_photos_stay_even_faulty_or_twice():
    photos = [candidate(0), candidate(1, 1, sharpness=0.1), candidate(2, 2), candidate(3, 3)]
    picks = choose(library(photos, axes(0, 0, 0, 0), pairs=[(0, 1)]), pinned=[1, 2, 99])
    assert ids(picks) == [1, 2]
    assert all(pick.pinned for pick in picks)


def test_removed_photos_stay_away_with_their_copies():
    photos = [candidate(0), candidate(1, 1440), candidate(2, 3000)]
    assert ids(choose(library(photos, pairs=[(0, 1)]), removed=[0])) == [2]


def test_too_many_pins_are_refused():
    photos = [candidate(i) for i in range(LIMIT + 1)]
    with pytest.raises(ValueError, match="pinned"):
        choose(library(photos), pinned=range(LIMIT + 1))


def test_an_empty_library_has_no_moments():
    assert choose(library([])) == []


def test_better_a_faulty_photo_than_none():
    photos = [candidate(0), candidate(1, 1, sharpness=0.1), candidate(2, 2, screenshot=True)]
    assert ids(choose(library(photos), removed=[0])) == [1]


@st.composite
def libraries(draw) -> tuple[Library, set[int], set[int]]:
    count = draw(st.integers(0, 40))
    photos, scenes = [], np.eye(6, 12, dtype=np.float32)
    vectors = {}
    for i in range(count):
        minute = draw(st.none() | st.integers(0, 5 * 1440))
        value, sharpness = draw(st.floats(0, 1)), draw(st.floats(0, 1))
        photos.append(candidate(i, minute, value, sharpness=sharpness, screenshot=draw(st.booleans()) and i % 3 == 0))
        if draw(st.booleans()):
            mixed = scenes[draw(st.integers(0, 5))] + draw(st.floats(0, 1)) * scenes[draw(st.integers(0, 5))]
            vectors[i] = (mixed / np.linalg.norm(mixed)).astype(np.float32)
    some_id = st.integers(0, max(count - 1, 0))
    pairs = draw(st.lists(st.tuples(some_id, some_id), max_size=20))
    pinned = draw(st.sets(some_id, max_size=LIMIT))
    removed = draw(st.sets(some_id, max_size=20)) - pinned
    return library(photos, vectors, pairs), pinned, removed


@settings(deadline=None, max_examples=120)
@given(libraries(), st.randoms(use_true_random=False))
def test_what_always_holds(drawn, order: random.Random):
    made, pinned, removed = drawn
    picks = choose(made, pinned, removed)
    chosen = ids(picks)
    known = {c.photo_id for c in made.candidates}
    assert len(picks) <= LIMIT and len(set(chosen)) == len(chosen)
    assert pinned & known <= set(chosen)
    own_choice = [i for i in chosen if i not in pinned]
    kept_away = {made.groups.of(i) for i in removed | pinned}
    assert not kept_away & {made.groups.of(i) for i in own_choice}
    assert len({made.groups.of(i) for i in own_choice}) == len(own_choice)
    for at, one in enumerate(chosen):
        for other in chosen[at + 1 :]:
            if {one, other} <= pinned or one not in made.vectors or other not in made.vectors:
                continue
            assert float(made.vectors[one] @ made.vectors[other]) < NEAR
    assert bool(picks) or not known - {i for i in known if made.groups.of(i) in kept_away}
    times = [pick.candidate.taken_at or datetime.max for pick in picks]
    assert times == sorted(times)
    assert choose(shuffled(made, order), sorted(pinned, reverse=True), removed) == picks


def shuffled(made: Library, order: random.Random) -> Library:
    candidates, clusters, vectors = list(made.candidates), list(made.clusters), list(made.vectors.items())
    for part in (candidates, clusters, vectors):
        order.shuffle(part)
    return Library(candidates, clusters, dict(vectors), made.groups, made.near_identical)


@settings(deadline=None, max_examples=40)
@given(libraries())
def test_a_faulty_photo_only_where_its_event_has_nothing_else(drawn):
    made, pinned, removed = drawn
    event_of = {i: c.event for c in made.clusters for i in c.photo_ids}
    faultless = {event_of[c.photo_id] for c in made.candidates if fault(c.quality, c.screenshot) is None}
    picks = choose(made, pinned, removed)
    if all(pick.fault for pick in picks):
        return  # better a faulty one than none at all
    for pick in picks:
        assert pick.pinned or pick.fault is None or pick.scene.event not in faultless


@settings(deadline=None, max_examples=40)
@given(libraries())
def test_every_pick_is_explained(drawn):
    made, pinned, removed = drawn
    picks = choose(made, pinned, removed)
    for pick, sentences in zip(picks, explain(picks, made), strict=True):
        assert 2 <= len(sentences) <= 5
        assert all(s[0].isupper() and s.endswith(".") for s in sentences)
        assert pick.pinned == (sentences[0] == "You chose it.")


def test_the_reasons_of_a_typical_pick():
    photos = [candidate(i, i / 10, sharpness=0.6) for i in range(3)] + [candidate(9, 0.4, sharpness=0.9)]
    photos.append(candidate(10, 24 * 60, sharpness=0.7))
    made = library(photos, {i: np.array([1, 0], np.float32) for i in (0, 1, 2, 9)}, pairs=[(9, 10)])
    picks = choose(made)
    assert explain(picks, made) == [
        [
            "The best of 4 similar photos: sharper than most of them.",
            "Stands for 2 copies of the same picture.",
            "From 12 October 2025, 4 photos of that time.",
        ]
    ]


def test_the_reasons_of_a_photo_that_stands_alone():
    made = library([candidate(1), candidate(2, None), candidate(3, 1800)], axes(9, 0, 1))
    assert [reasons[0] for reasons in explain(choose(made), made)] == [
        "No other photo of that time shows the same.",
        "The only photo of its moment.",
        "No other undated photo shows the same.",
    ]


def test_the_reasons_of_the_better_of_two():
    made = library([candidate(0, sharpness=0.9), candidate(1, 0.1, sharpness=0.7)], axes(0, 0))
    assert explain(choose(made), made)[0][0] == "The best of 2 similar photos: sharper than the other."


def test_groups_connect_what_pairs_connect():
    groups = Groups([(5, 3), (3, 8), (1, 2)])
    assert {groups.of(i) for i in (3, 5, 8)} == {3}
    assert groups.of(2) == 1 and groups.of(7) == 7
    assert [groups.size(i) for i in (8, 2, 7)] == [3, 2, 1]
    assert [groups.is_duplicate(i) for i in (5, 3, 8, 7)] == [False, True, True, False]


def test_a_cluster_is_named_by_its_first_photo():
    assert Cluster(0, (4, 2)).first == 4
