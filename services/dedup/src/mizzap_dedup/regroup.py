"""Keeps the duplicates that a user sees in step with the matches: groups made anew, and only what changed is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mizzap_common import hidden, outbox
from mizzap_common.contracts import catalog, events
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_dedup import repository, rows
from mizzap_dedup.grouping import Different, group
from mizzap_dedup.keeper import Candidate, why_keep
from mizzap_dedup.lanes import Lane, Match
from mizzap_dedup.models import DecisionRow, DuplicateRow, FingerprintRow, MatchRow, Values
from mizzap_dedup.shots import told_apart

MATCH_TYPES: dict[Lane, events.MatchType] = {
    "exact": "exact", "pixel": "exact", "near": "perceptual", "similar": "ai",
}  # fmt: skip
"""The specification's name for each lane."""

_DIFFERENT = ("rejected", "kept_both")
"""What a user says of two photos that are not to be one; "kept_both" are duplicates, and meant to be."""


@dataclass(frozen=True)
class _Component:
    """Photos that hang together by matches, and all that is known of them."""

    photos: dict[int, FingerprintRow]
    matches: list[MatchRow]


async def regroup(session: AsyncSession, user_id: int, photo_ids: Iterable[int]) -> None:
    """Makes the groups around these photos anew. The caller holds ``lock_groups``.

    Pairs that the user has decided about stay. New pairs are told by duplicate.detected, pending ones
    that no group has any more go by duplicate.withdrawn.
    """
    start = set(photo_ids)
    component = await _component(session, user_id, start)
    about = start | set(component.photos)
    decided = await repository.decisions(session, user_id, about)
    wanted = _wanted(component, decided)
    confirmed = {frozenset((row.left_id, row.right_id)) for row in decided if row.action == "confirmed"}
    existing = await repository.pairs_about(session, user_id, about)
    # a pair whose keeper changes sides is withdrawn before it is found again
    await _withdraw(session, user_id, [row for row in existing if row.action == "pending" and _key(row) not in wanted])
    for row in existing:
        if row.action == "confirmed":
            await _follow(session, user_id, row, wanted)
    known = {_key(row): row for row in existing}
    for (keeper, member), values in sorted(wanted.items()):
        same, turned = known.get((keeper, member)), known.get((member, keeper))
        if same is None and (turned is None or turned.action == "pending"):
            # the similar lane comes and goes with the user's consent; what was said of a pair is not asked again
            action = "confirmed" if frozenset((keeper, member)) in confirmed else "pending"
            await _detect(session, user_id, keeper, member, {**values, "action": action})
        elif same is not None and same.action == "pending":
            await _change(session, user_id, same, values)


def _key(row: DuplicateRow) -> tuple[int, int]:
    return row.primary_photo_id, row.duplicate_photo_id


async def _follow(
    session: AsyncSession, user_id: int, row: DuplicateRow, wanted: Mapping[tuple[int, int], Values]
) -> None:
    """A confirmed pair stays the user's word, and is shown in a group as long as it is the edge of one."""
    for keeper, member in (_key(row), _key(row)[::-1]):
        if (keeper, member) in wanted:
            sides = {"primary_photo_id": keeper, "duplicate_photo_id": member, "current": True}
            await _change(session, user_id, row, {**wanted[keeper, member], **sides})
            return
    await _change(session, user_id, row, {"current": False})


async def _change(session: AsyncSession, user_id: int, row: DuplicateRow, values: Values) -> None:
    if any(getattr(row, name) != value for name, value in values.items()) and row.id is not None:
        await repository.change_pair(session, user_id, row.id, values)


async def _component(session: AsyncSession, user_id: int, start: set[int]) -> _Component:
    found: dict[tuple[int, int], MatchRow] = {}
    seen: set[int] = set()
    frontier = set(start)
    while frontier:
        seen |= frontier
        for row in await repository.matches_of(session, user_id, frontier):
            found[row.left_id, row.right_id] = row
        frontier = {photo_id for pair in found for photo_id in pair} - seen
    away = await hidden.hidden_among(session, user_id, seen)
    photos = {row.photo_id: row for row in await repository.fingerprints(session, user_id, seen - away)}
    # the photos that hang together by one in the trash alone are groups of their own, or none
    matches = [row for row in found.values() if not away & {row.left_id, row.right_id}]
    return _Component(photos, matches)


def _wanted(component: _Component, decided: Iterable[DecisionRow]) -> dict[tuple[int, int], Values]:
    """The pairs that there should be, (keeper, member), with what is written about each."""
    candidates: dict[int, Candidate] = {number: rows.candidate_of(row) for number, row in component.photos.items()}
    edges = [rows.edge_of(row) for row in component.matches]
    return {
        (star.keeper, member): _values(match, why_keep(candidates[star.keeper], candidates[member]))
        for star in group(candidates.values(), edges, _different(component, decided))
        for member, match in star.members.items()
    }


def _different(component: _Component, decided: Iterable[DecisionRow]) -> Different:
    refused = {frozenset((row.left_id, row.right_id)) for row in decided if row.action in _DIFFERENT}

    def different(left: int, right: int) -> bool:
        if frozenset((left, right)) in refused:
            return True
        one, other = component.photos[left], component.photos[right]
        # the same pixels are the same shot, whatever the files say of themselves
        return one.pixel_hash != other.pixel_hash and told_apart(rows.shot_of(one), rows.shot_of(other)) is not None

    return different


def _values(match: Match, why: str) -> Values:
    return {
        "lane": match.lane,
        "match_type": MATCH_TYPES[match.lane],
        "similarity_score": match.score,
        "reasons": [*match.reasons, why],
    }


async def _detect(session: AsyncSession, user_id: int, keeper: int, member: int, values: Values) -> None:
    pair = {"user_id": user_id, "primary_photo_id": keeper, "duplicate_photo_id": member}
    duplicate_id = await repository.add_pair(session, {**pair, **values, "current": True})
    detected = events.DuplicateDetected(
        duplicate_id=duplicate_id,
        user_id=user_id,
        primary_photo_id=keeper,
        duplicate_photo_id=member,
        lane=values["lane"],
        match_type=values["match_type"],
        similarity_score=values["similarity_score"],
    )
    await outbox.add(session, catalog.DUPLICATE_DETECTED, detected)


async def _withdraw(session: AsyncSession, user_id: int, gone: Iterable[DuplicateRow]) -> None:
    removed = [row for row in gone if row.id is not None]
    await repository.remove_pairs(session, user_id, [row.id for row in removed if row.id is not None])
    for row in removed:
        withdrawn = events.DuplicateWithdrawn(
            duplicate_id=row.id,  # type: ignore[arg-type]
            user_id=user_id,
            primary_photo_id=row.primary_photo_id,
            duplicate_photo_id=row.duplicate_photo_id,
        )
        await outbox.add(session, catalog.DUPLICATE_WITHDRAWN, withdrawn)


async def withdraw_similar(session: AsyncSession, user_id: int) -> None:
    """Takes back every pair and match that rests on vectors, and makes the groups anew without them.

    Copies that vectors led to are among them. What the user said of any pair stays. The caller holds ``lock_groups``.
    """
    await _withdraw(session, user_id, await repository.similar_pairs(session, user_id))
    await regroup(session, user_id, await repository.remove_matches_by_likeness(session, user_id))


async def withdraw_all(session: AsyncSession, user_id: int, photo_id: int) -> set[int]:
    """Takes back every pair of a photo that is deleted, decided or not; its partners, for regrouping."""
    about = await repository.pairs_about(session, user_id, [photo_id])
    await _withdraw(session, user_id, about)
    partners = {row.primary_photo_id for row in about} | {row.duplicate_photo_id for row in about}
    for match in await repository.matches_of(session, user_id, [photo_id]):
        partners |= {match.left_id, match.right_id}
    return partners - {photo_id}
