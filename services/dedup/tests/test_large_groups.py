"""Groups of any size: every answer fits into a message of the broker, and says how much it does not show."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from mizzap_common import migrations
from mizzap_common.contracts import duplicating
from mizzap_common.db import Database
from mizzap_dedup import decisions_repository, repository
from mizzap_dedup.models import DecisionRow, DuplicateRow, FingerprintRow, MatchRow
from mizzap_dedup.service import Dedup
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.dedup.tests.libraries import Library, fingerprint

MESSAGE_BYTES = 1 << 20
"""What the broker takes."""
FAR = 2**62
"""Ids as long as they get."""


@pytest.fixture(scope="module")
async def database(make_database: Callable[[str], str]) -> AsyncIterator[Database]:
    url = make_database("large")
    await asyncio.to_thread(migrations.upgrade, "mizzap_dedup", url)
    database = Database(url)
    yield database
    await database.close()


async def put(library: Library, groups: int, size: int) -> list[int]:
    """Groups of as many duplicates, each with reasons of its own as long as there are; their keepers."""
    begin = FAR + library.user * 10_000_000
    keepers = [begin + number * (size + 1) for number in range(groups)]
    pairs = [(keeper, other) for keeper in keepers for other in range(keeper + 1, keeper + 1 + size)]
    rows = {
        FingerprintRow: [fingerprint(library.user, keeper, keeper) for keeper in keepers]
        + [fingerprint(library.user, other, keeper) for keeper, other in pairs],
        MatchRow: [
            {
                "left_id": keeper, "right_id": other, "user_id": library.user, "lane": "near", "score": 1.0,
                "reasons": reasons(other),
            }
            for keeper, other in pairs
        ],
        DuplicateRow: [
            {
                "id": other, "user_id": library.user, "primary_photo_id": keeper, "duplicate_photo_id": other,
                "lane": "near", "match_type": "perceptual", "similarity_score": 1.0, "reasons": reasons(other),
                "current": True,
            }
            for keeper, other in pairs
        ],
    }  # fmt: skip
    async with library.database.begin() as session:
        for table, values in rows.items():
            await session.execute(insert(table), values)
    return keepers


def reasons(number: int) -> list[str]:
    return [
        f"the pictures agree in {number} of 256 bits of their perceptual hash",
        f"laid upon each other, {number}% of the common area agrees ({number} points lie in the same arrangement)",
        f"kept as the larger picture ({number} × 4000 against 1000 × 1000)",
    ]


async def page(library: Library, **asked: Any) -> duplicating.GroupPage:
    dedup = Dedup(library.database, *[None] * 6)  # type: ignore[arg-type]
    answer = await dedup.groups(duplicating.ListGroups(user_id=library.user, limit=100, **asked))
    assert len(answer.to_json()) < MESSAGE_BYTES
    return answer


async def test_a_page_of_large_groups_comes_in_several_answers(database: Database) -> None:
    library = Library(database)
    keepers = await put(library, groups=8, size=700)
    seen: list[duplicating.Group] = []
    more = True
    while more:
        answer = await page(library, skip=len(seen))
        assert answer.groups and answer.total == 8
        seen, more = [*seen, *answer.groups], answer.more
    assert [group.keeper for group in seen] == keepers
    for group in seen:
        assert group.members == list(range(group.keeper, group.keeper + 501))
        assert group.duplicate_ids == group.members[1:]
        assert group.member_count == 701 and group.lane == "near"


async def test_small_groups_come_at_once(database: Database) -> None:
    library = Library(database)
    await put(library, groups=100, size=10)
    answer = await page(library)
    assert len(answer.groups) == 100 and not answer.more
    assert {group.member_count for group in answer.groups} == {11}
    assert (await page(library, skip=100)).groups == []


async def test_the_weakest_lane_of_a_group_counts_where_its_pair_is_not_shown(database: Database) -> None:
    library = Library(database)
    [keeper] = await put(library, groups=1, size=500)
    last = {"id": keeper + 501, "primary_photo_id": keeper, "duplicate_photo_id": keeper + 501, "lane": "near"}
    near = {"match_type": "perceptual", "similarity_score": 1.0, "reasons": ["."], "current": True}
    async with database.begin() as session:
        await session.execute(
            update(DuplicateRow).where(col(DuplicateRow.user_id) == library.user).values(lane="exact")
        )
        await session.execute(insert(DuplicateRow), [{**last, **near, "user_id": library.user}])
    [group] = (await page(library, lane="near")).groups
    assert group.lane == "near" and group.member_count == 502


async def test_a_word_about_a_large_group_names_some_and_counts_all(database: Database) -> None:
    library = Library(database)
    [keeper] = await put(library, groups=1, size=600)
    outcome = await library.bulk("confirmed", keeper=keeper)
    assert [result.id for result in outcome.results] == list(range(keeper + 1, keeper + 501))
    assert (outcome.count, outcome.changed) == (600, 600)
    again = await library.bulk("confirmed", keeper=keeper)
    assert (len(again.results), again.count, again.changed) == (500, 600, 0)
    undone = await library.undo_bulk(outcome.bulk_action_id)
    assert (len(undone.results), undone.count, undone.changed) == (500, 600, 600)


async def test_any_number_of_pairs_is_remembered_and_taken_back(database: Database) -> None:
    user, bulk = Library(database).user, uuid4()
    pairs = [(FAR + number, FAR + number + 1) for number in range(12_000)]
    steps = [{"left_id": one, "right_id": other, "before": "pending", "after": "rejected"} for one, other in pairs]
    async with database.begin() as session:
        await decisions_repository.remember(session, user, bulk, steps)
        await repository.decide(session, user, pairs, "rejected")
        assert await decided(session, user) == len(pairs)
        assert list(await decisions_repository.latest(session, user, pairs)) == pairs
        await repository.decide(session, user, pairs, "pending")
        assert await decided(session, user) == 0


async def decided(session: AsyncSession, user: int) -> int:
    return await session.scalar(select(func.count()).where(col(DecisionRow.user_id) == user)) or 0
