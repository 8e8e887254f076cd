"""What is listed of a user's duplicates: pairs, groups, and the sum of it. Every query names the owner."""

from collections.abc import Sequence

from mizzap_common.contracts import duplicating
from sqlalchemy import ColumnElement, case, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_dedup.models import DuplicateRow
from mizzap_dedup.repository import SHOWN

_OPEN = ("pending", "confirmed")
_WEAKNESS = {"exact": 0, "pixel": 1, "near": 2, "similar": 3}

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


async def group_page(session: AsyncSession, request: duplicating.ListGroups) -> tuple[list[list[DuplicateRow]], int]:
    """The pairs of each group of the page, groups by keeper; candidates by likeness alone are groups of their own."""
    similar = (col(DuplicateRow.lane) == "similar").label("similar")
    keeper = col(DuplicateRow.primary_photo_id)
    mine = _in_groups(request.user_id)
    if request.action is not None:
        mine.append(col(DuplicateRow.action) == request.action)
    heads = select(keeper, similar).where(*mine).group_by(keeper, similar)
    if request.lane is not None:
        weakest = func.max(case(_WEAKNESS, value=col(DuplicateRow.lane)))
        heads = heads.having(weakest == _WEAKNESS[request.lane])
    total = (await session.execute(select(func.count()).select_from(heads.subquery()))).scalar_one()
    shown = heads.order_by(keeper, similar).limit(request.limit).offset((request.page - 1) * request.limit)
    keys = [(row[0], row[1]) for row in (await session.execute(shown)).all()]
    members = (
        select(DuplicateRow)
        .where(*mine, tuple_(keeper, similar).in_(keys))
        .order_by(col(DuplicateRow.duplicate_photo_id))
    )
    groups: dict[tuple[int, bool], list[DuplicateRow]] = {key: [] for key in keys}
    for row in (await session.scalars(members)).all() if keys else ():
        groups[row.primary_photo_id, row.lane == "similar"].append(row)
    return list(groups.values()), total


async def stats(session: AsyncSession, user_id: int) -> tuple[int, int, int]:
    """(duplicates, bytes that would be freed without them, photos). Candidates by likeness alone don't count.

    An original that several photos share is freed once, and only when none of them stays.
    """
    duplicates, freed, photos = (await session.execute(_STATS, {"user_id": user_id})).one()
    return duplicates, int(freed), photos


def _in_groups(user_id: int) -> list[ColumnElement[bool]]:
    shown = col(DuplicateRow.current).is_(True)
    return [col(DuplicateRow.user_id) == user_id, col(DuplicateRow.action).in_(_OPEN), shown]
