"""What is listed of a user's duplicates: pairs, groups, and the sum of it. Every query names the owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mizzap_common.contracts import duplicating
from mizzap_common.contracts.events import Lane
from sqlalchemy import ColumnElement, case, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_dedup.models import DuplicateRow
from mizzap_dedup.repository import SHOWN

_OPEN = ("pending", "confirmed")
_LANES: tuple[Lane, ...] = ("exact", "pixel", "near", "similar")
_WEAKNESS = {lane: weakness for weakness, lane in enumerate(_LANES)}
MEMBERS_SHOWN = 500
"""Pairs of one group. Who wants all of them asks for the pairs."""
_PAIRS_AT_ONCE = 1_000
"""With their reasons they fit into one answer over the broker, 1 MiB."""

_STATS = text(
    """WITH away AS (SELECT photo_id FROM hidden_photos WHERE user_id = :user_id AND hidden),
    extra AS (
        SELECT duplicate_photo_id FROM duplicates
        WHERE user_id = :user_id AND action IN ('pending', 'confirmed') AND lane <> 'similar'
            AND primary_photo_id NOT IN (SELECT photo_id FROM away)),
    mine AS (
        SELECT sha256, size_bytes, photo_id IN (SELECT duplicate_photo_id FROM extra) AS is_extra
        FROM fingerprints WHERE user_id = :user_id AND photo_id NOT IN (SELECT photo_id FROM away)),
    freed AS (SELECT max(size_bytes) AS size FROM mine GROUP BY sha256 HAVING bool_and(is_extra))
    SELECT count(*) FILTER (WHERE is_extra), (SELECT coalesce(sum(size), 0) FROM freed), count(*) FROM mine"""
)


@dataclass(frozen=True)
class Group:
    """The pairs of one keeper."""

    lane: Lane
    """The weakest among all of them."""
    size: int
    """How many there are."""
    pairs: list[DuplicateRow]
    """Those shown, by the duplicate's id."""


async def page(session: AsyncSession, request: duplicating.ListDuplicates) -> tuple[Sequence[DuplicateRow], int]:
    mine: list[ColumnElement[bool]] = [col(DuplicateRow.user_id) == request.user_id, *SHOWN]
    if request.action is not None:
        mine.append(col(DuplicateRow.action) == request.action)
    if request.lane is not None:
        mine.append(col(DuplicateRow.lane) == request.lane)
    statement = (
        select(DuplicateRow)
        .where(*mine)
        .order_by(col(DuplicateRow.id))
        .limit(request.limit)
        .offset((request.page - 1) * request.limit)
    )
    total = (await session.execute(select(func.count()).select_from(DuplicateRow).where(*mine))).scalar_one()
    return (await session.scalars(statement)).all(), total


async def group_pairs(session: AsyncSession, user_id: int, keeper: int, similar: bool) -> Sequence[DuplicateRow]:
    """The pairs of one group, as ``group_page`` shows it."""
    statement = (
        select(DuplicateRow)
        .where(
            *_in_groups(user_id),
            col(DuplicateRow.primary_photo_id) == keeper,
            (col(DuplicateRow.lane) == "similar") == similar,
        )
        .order_by(col(DuplicateRow.duplicate_photo_id))
    )
    return (await session.scalars(statement)).all()


async def group_page(session: AsyncSession, request: duplicating.ListGroups) -> tuple[list[Group], int, bool]:
    """Groups by keeper, how many there are, and whether the page has more of them than are given at once.

    Candidates by likeness alone are groups of their own.
    """
    similar = (col(DuplicateRow.lane) == "similar").label("similar")
    keeper = col(DuplicateRow.primary_photo_id)
    mine = _in_groups(request.user_id)
    if request.action is not None:
        mine.append(col(DuplicateRow.action) == request.action)
    weakest = func.max(case(_WEAKNESS, value=col(DuplicateRow.lane))).label("weakest")
    heads = select(keeper, similar, func.count(), weakest).where(*mine).group_by(keeper, similar)
    if request.lane is not None:
        heads = heads.having(weakest == _WEAKNESS[request.lane])
    total = (await session.execute(select(func.count()).select_from(heads.subquery()))).scalar_one()
    begin = (request.page - 1) * request.limit + request.skip
    asked = heads.order_by(keeper, similar).limit(max(0, request.limit - request.skip)).offset(begin)
    rows = [_Head(*row) for row in await session.execute(asked)]
    groups = {(head.keeper, head.similar): Group(_LANES[head.weakest], head.size, []) for head in _at_once(rows)}
    # numbered in the query: of a group of twenty thousand no more than what is shown leaves the database
    place = func.row_number().over(partition_by=(keeper, similar), order_by=col(DuplicateRow.duplicate_photo_id))
    numbered = select(col(DuplicateRow.id), place.label("place"))
    numbered = numbered.where(*mine, tuple_(keeper, similar).in_(list(groups)))
    places = numbered.subquery()
    members = (
        select(DuplicateRow)
        .join(places, places.c.id == col(DuplicateRow.id))
        .where(places.c.place <= MEMBERS_SHOWN)
        .order_by(col(DuplicateRow.duplicate_photo_id))
    )
    for row in (await session.scalars(members)).all() if groups else ():
        groups[row.primary_photo_id, row.lane == "similar"].pairs.append(row)
    return list(groups.values()), total, len(groups) < len(rows)


class _Head(NamedTuple):
    keeper: int
    similar: bool
    size: int
    weakest: int


def _at_once(heads: Sequence[_Head]) -> Sequence[_Head]:
    """The first ones, by what they show of their pairs; one at least, if there is any."""
    shown = 0
    for number, head in enumerate(heads):
        shown += min(head.size, MEMBERS_SHOWN)
        if number and shown > _PAIRS_AT_ONCE:
            return heads[:number]
    return heads


async def stats(session: AsyncSession, user_id: int) -> tuple[int, int, int]:
    """(duplicates, bytes that would be freed without them, photos). Candidates by likeness alone don't count.

    An original that several photos share is freed once, and only when none of them stays.
    """
    duplicates, freed, photos = (await session.execute(_STATS, {"user_id": user_id})).one()
    return duplicates, int(freed), photos


def _in_groups(user_id: int) -> list[ColumnElement[bool]]:
    shown = col(DuplicateRow.current).is_(True)
    return [col(DuplicateRow.user_id) == user_id, col(DuplicateRow.action).in_(_OPEN), shown]
