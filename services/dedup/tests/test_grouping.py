"""Groups are stars around a keeper, whatever the order in which photos and matches arrive."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from mizzap_dedup.grouping import Different, Edge, Group, group
from mizzap_dedup.keeper import Candidate
from mizzap_dedup.lanes import Lane, Match


def photo(photo_id: int, **changes: object) -> Candidate:
    values: dict[str, object] = {
        "photo_id": photo_id,
        "mime_type": "image/jpeg",
        "size_bytes": 1_000_000,
        "width": 4000,
        "height": 3000,
        "has_camera": False,
        "taken_at": None,
    }
    return Candidate(**(values | changes))  # type: ignore[arg-type]


def edge(left: int, right: int, lane: Lane = "near", score: float = 0.9) -> Edge:
    return Edge(left, right, Match(lane, score, ()))


def never(_left: int, _right: int) -> bool:
    return False


def apart(*pairs: tuple[int, int]) -> Different:
    return lambda left, right: (min(left, right), max(left, right)) in pairs


def as_sets(groups: list[Group]) -> list[tuple[int, set[int]]]:
    return [(found.keeper, set(found.members)) for found in groups]


def test_all_that_match_the_keeper_are_its_group() -> None:
    groups = group([photo(1), photo(2), photo(3)], [edge(1, 2), edge(1, 3), edge(2, 3)], never)
    assert as_sets(groups) == [(1, {2, 3})]


def test_a_chain_is_not_a_group() -> None:
    groups = group([photo(1), photo(2), photo(3)], [edge(1, 2), edge(2, 3)], never)
    assert as_sets(groups) == [(1, {2})]


def test_a_photo_between_two_keepers_joins_the_one_it_matches_best() -> None:
    keepers = [photo(1, has_camera=True), photo(2, has_camera=True)]
    edges = [edge(1, 3, score=0.8), edge(2, 3, score=0.95)]
    assert as_sets(group([*keepers, photo(3)], edges, never)) == [(2, {3})]


def test_a_stripped_copy_does_not_join_the_frames_of_a_series() -> None:
    frames = [photo(number, has_camera=True) for number in (1, 2, 3)]
    edges = [edge(1, 9, score=0.9), edge(2, 9, score=0.99), edge(3, 9, score=0.9)]
    series = apart((1, 2), (1, 3), (2, 3))
    assert as_sets(group([*frames, photo(9)], edges, series)) == [(2, {9})]


def test_two_that_the_user_told_apart_never_share_a_group() -> None:
    edges = [edge(1, 2, score=0.9), edge(1, 3, score=0.8), edge(2, 3, score=0.7)]
    assert as_sets(group([photo(1), photo(2), photo(3)], edges, apart((2, 3)))) == [(1, {2})]


def test_what_one_star_left_over_makes_a_group_of_its_own() -> None:
    edges = [edge(1, 2), edge(1, 3, score=0.8), edge(3, 4)]
    groups = group([photo(1), photo(2), photo(3), photo(4)], edges, apart((2, 3)))
    assert as_sets(groups) == [(1, {2}), (3, {4})]


def test_what_matches_a_file_matches_its_copies() -> None:
    edges = [edge(1, 2, score=0.8), edge(2, 3, lane="exact", score=1.0), edge(3, 4, lane="exact", score=1.0)]
    groups = group([photo(1), photo(2), photo(3), photo(4)], edges, never)
    assert as_sets(groups) == [(1, {2, 3, 4})]
    assert {match.lane for match in groups[0].members.values()} == {"near"}


def test_a_rejected_pair_is_no_group() -> None:
    assert group([photo(1), photo(2)], [edge(1, 2, lane="exact", score=1.0)], apart((1, 2))) == []


def test_similar_photos_are_suggested_around_keepers_only() -> None:
    edges = [edge(1, 2), edge(1, 3, lane="similar"), edge(2, 3, lane="similar")]
    groups = group([photo(1), photo(2), photo(3)], edges, never)
    assert [(found.lane, found.keeper, set(found.members)) for found in groups] == [
        ("near", 1, {2}),
        ("similar", 1, {3}),
    ]


def test_a_group_is_as_sure_as_its_weakest_member() -> None:
    groups = group([photo(1), photo(2), photo(3)], [edge(1, 2, lane="exact", score=1.0), edge(1, 3)], never)
    assert [found.lane for found in groups] == ["near"]


def closure(edges: dict[tuple[int, int], tuple[Lane, int]]) -> dict[tuple[int, int], tuple[Lane, float]]:
    """The best match of each pair, with byte-identical photos taken for one: by brute force."""
    family = {number: {number} for number in range(1, 10)}
    for _ in range(9):
        for (left, right), (lane, _score) in edges.items():
            if lane == "exact":
                family[left] = family[right] = family[left] | family[right]
    strength = {"exact": 2, "near": 1, "similar": 0}
    best: dict[tuple[int, int], tuple[Lane, float]] = {}
    for (left, right), (lane, score) in edges.items():
        for one in family[left]:
            for other in family[right] - {one}:
                pair = (min(one, other), max(one, other))
                known = best.get(pair, ("similar", -1.0))
                best[pair] = max(known, (lane, score / 4), key=lambda match: (strength[match[0]], match[1]))
    return best


PAIRS = st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda pair: pair[0] < pair[1])


@given(
    edges=st.dictionaries(
        PAIRS, st.tuples(st.sampled_from(["exact", "near", "similar"]), st.integers(1, 4)), max_size=20
    ),
    different=st.sets(PAIRS, max_size=5),
    cameras=st.sets(st.integers(1, 9)),
    shuffle=st.randoms(use_true_random=False),
)
def test_groups_are_disjoint_stars_and_independent_of_order(
    edges: dict[tuple[int, int], tuple[Lane, int]],
    different: set[tuple[int, int]],
    cameras: set[int],
    shuffle: "Callable[..., None]",
) -> None:
    photos = [photo(number, has_camera=number in cameras) for number in range(1, 10)]
    matches = [edge(*pair, lane=lane, score=score / 4) for pair, (lane, score) in edges.items()]
    groups = group(photos, matches, apart(*different))

    again = list(matches)
    shuffle.shuffle(again)  # type: ignore[attr-defined]
    assert group(reversed(photos), again, apart(*different)) == groups

    told = apart(*different)
    shared = closure(edges)
    for found in groups:
        for member, match in found.members.items():
            pair = (min(found.keeper, member), max(found.keeper, member))
            assert shared[pair] == (match.lane, match.score), "a member matches the keeper itself"
            assert not told(*pair)
            assert not any(told(member, other) for other in found.members)
    for similar in (True, False):
        ids = [i for g in groups if (g.lane == "similar") == similar for i in (g.keeper, *g.members)]
        assert len(ids) == len(set(ids)), "one group of a kind for each photo"
    grouped = {i for g in groups for i in (g.keeper, *g.members)}
    for left, right in edges:
        assert told(left, right) or grouped & {left, right}, "a match is not forgotten while both are free"
