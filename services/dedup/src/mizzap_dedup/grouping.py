"""Groups of duplicates: stars, never chains.

Every member matches its group's keeper itself. A–B and B–C alone never put A and C together, and two photos that are
known to be different (other shots, or told apart by the user) are never in one group, even when both match the keeper.
The result depends on the photos and their matches alone, not on the order in which they came.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mizzap_dedup.keeper import DEFAULT_POLICY, Candidate, Rule, rank
from mizzap_dedup.lanes import STRENGTH, Lane, Match

Different = Callable[[int, int], bool]
"""Whether two photos, by id, are known to be different ones."""


@dataclass(frozen=True)
class Edge:
    """A match between two photos; the lower id first."""

    left: int
    right: int
    match: Match

    def other(self, photo_id: int) -> int:
        return self.right if photo_id == self.left else self.left


@dataclass(frozen=True)
class Group:
    """A keeper and, by photo id, what ties each member to it."""

    keeper: int
    members: Mapping[int, Match]

    @property
    def lane(self) -> Lane:
        """The weakest among the members: what must be believed for all to be one photo."""
        return min((match.lane for match in self.members.values()), key=STRENGTH.__getitem__)


def group(
    candidates: Iterable[Candidate],
    edges: Iterable[Edge],
    different: Different,
    policy: tuple[Rule, ...] = DEFAULT_POLICY,
) -> list[Group]:
    """Stars over exact, pixel and near matches, then stars of similar ones among keepers and what is left over.

    A photo is in at most one group of each of the two kinds, and no member of the first kind is in the second, so
    that there is one suggested keeper for each. Ordered by keeper, best first.
    """
    order = [c.photo_id for c in sorted(candidates, key=lambda candidate: rank(candidate, policy))]
    known = set(order)
    shared = _shared_by_twins([edge for edge in edges if edge.left in known and edge.right in known])
    usable = [edge for edge in shared if not different(edge.left, edge.right)]
    same = _stars(order, [edge for edge in usable if edge.match.lane != "similar"], different)
    covered = {member for star in same for member in star.members}
    rest = [photo_id for photo_id in order if photo_id not in covered]
    alike = [e for e in usable if e.match.lane == "similar" and not {e.left, e.right} & covered]
    return same + _stars(rest, alike, different)


def _shared_by_twins(edges: list[Edge]) -> list[Edge]:
    """The edges with those that follow from them: what matches a file matches each byte-identical copy of it."""
    twins: dict[int, set[int]] = {}
    for edge in edges:
        if edge.match.lane == "exact":
            family = twins.get(edge.left, {edge.left}) | twins.get(edge.right, {edge.right})
            twins.update(dict.fromkeys(family, family))
    found: dict[tuple[int, int], Edge] = {}
    for edge in edges:
        for left in twins.get(edge.left, {edge.left}):
            for right in twins.get(edge.right, {edge.right}) - {left}:
                pair = (min(left, right), max(left, right))
                known = found.get(pair)
                if known is None or _strongest_first(edge.match) < _strongest_first(known.match):
                    found[pair] = Edge(*pair, edge.match)
    return list(found.values())


def _stars(order: list[int], edges: list[Edge], different: Different) -> list[Group]:
    """Rounds of covering until no edge joins two photos that are still free."""
    place = {photo_id: position for position, photo_id in enumerate(order)}
    free = set(order)
    groups: list[Group] = []
    while edges:
        found = _cover(order, edges, different, place)
        groups += found
        free -= {photo_id for star in found for photo_id in (star.keeper, *star.members)}
        order = [photo_id for photo_id in order if photo_id in free]
        edges = [edge for edge in edges if edge.left in free and edge.right in free]
    return sorted(groups, key=lambda star: place[star.keeper])


def _cover(order: list[int], edges: list[Edge], different: Different, place: Mapping[int, int]) -> list[Group]:
    """One round: the best photos that match none better are keepers; the others join the keeper they match best.

    The strongest edge at a keeper is always used, so rounds come to an end.
    """
    by_photo = defaultdict(list)
    for edge in edges:
        by_photo[edge.left].append(edge)
        by_photo[edge.right].append(edge)
    keepers: set[int] = set()
    for photo_id in order:
        if by_photo[photo_id] and not any(edge.other(photo_id) in keepers for edge in by_photo[photo_id]):
            keepers.add(photo_id)
    choices = [
        (edge, keeper, edge.other(keeper)) for edge in edges for keeper in (edge.left, edge.right) if keeper in keepers
    ]
    choices.sort(key=lambda choice: (*_strongest_first(choice[0].match), place[choice[1]], place[choice[2]]))
    stars: dict[int, dict[int, Match]] = {keeper: {} for keeper in keepers}
    taken: set[int] = set()
    for edge, keeper, member in choices:
        if member not in taken and not any(different(member, other) for other in stars[keeper]):
            stars[keeper][member] = edge.match
            taken.add(member)
    matches = {frozenset((edge.left, edge.right)): edge.match for edge in edges}
    return [_recentred({keeper, *members}, matches, place) for keeper, members in stars.items() if members]


def _recentred(photos: set[int], matches: Mapping[frozenset[int], Match], place: Mapping[int, int]) -> Group:
    """The group around the best photo that matches all the others: not always the one it was gathered around."""
    for keeper in sorted(photos, key=place.__getitem__):
        others = sorted(photos - {keeper}, key=place.__getitem__)
        if all(frozenset((keeper, other)) in matches for other in others):
            return Group(keeper, {other: matches[frozenset((keeper, other))] for other in others})
    raise AssertionError("the photo that a star was gathered around matches all of it")


def _strongest_first(match: Match) -> tuple[int, float]:
    return -STRENGTH[match.lane], -match.score
