"""What users say of pairs: many at once or none, and every word can be taken back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from mizzap_common import migrations
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, InvalidInput, NotFound
from mizzap_dedup.decisions_repository import KEPT
from mizzap_dedup.models import ActionRow
from sqlalchemy import func, select
from sqlmodel import col

from services.dedup.tests.libraries import Library


@pytest.fixture(scope="module")
async def database(make_database: Callable[[str], str]) -> AsyncIterator[Database]:
    url = make_database("decisions")
    await asyncio.to_thread(migrations.upgrade, "mizzap_dedup", url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database)


async def test_many_pairs_at_once(library: Library) -> None:
    await library.copies(4)
    first, second, third = await library.pairs()
    outcome = await library.bulk("confirmed", [second, first, second])
    assert [(result.id, result.before, result.action, result.changed) for result in outcome.results] == [
        (second, "pending", "confirmed", True),
        (first, "pending", "confirmed", True),
    ]
    assert await library.pairs() == {first: "confirmed", second: "confirmed", third: "pending"}
    assert await library.told() == 2
    again = await library.bulk("confirmed", [first, third])
    assert [result.changed for result in again.results] == [False, True]
    assert await library.told() == 3


@pytest.mark.parametrize("foreign", ["another user's", "never existed"])
async def test_one_pair_that_is_not_there_and_nothing_is_changed(library: Library, foreign: str) -> None:
    await library.copies(3)
    stranger = Library(library.database)
    await stranger.copies(2)
    (theirs,) = await stranger.pairs()
    missing = theirs if foreign == "another user's" else 10**12
    mine = list(await library.pairs())
    with pytest.raises(NotFound) as refused:
        await library.bulk("rejected", [*mine, missing])
    assert (refused.value.message, refused.value.details) == ("There is no such duplicate.", {"ids": [missing]})
    assert set((await library.pairs()).values()) == {"pending"} == set((await stranger.pairs()).values())
    assert await library.told() == 0
    with pytest.raises(NotFound):
        await library.undo(missing)


async def test_a_whole_group_at_once(library: Library) -> None:
    keeper, *_ = await library.copies(3)
    await library.copies(2)
    outcome = await library.bulk("kept_both", keeper=keeper)
    assert len(outcome.results) == 2
    assert sorted((await library.pairs()).values()) == ["kept_both", "kept_both", "pending"]
    with pytest.raises(NotFound):
        await library.bulk("kept_both", keeper=keeper)
    with pytest.raises(NotFound):
        await Library(library.database).bulk("confirmed", keeper=keeper)
    with pytest.raises(InvalidInput):
        await library.bulk("confirmed")


async def test_each_word_is_taken_back_in_turn(library: Library) -> None:
    await library.copies(2)
    (pair,) = await library.pairs()
    for action in ("confirmed", "rejected", "rejected", "kept_both"):
        await library.act(pair, action)
    assert await library.groups() == []
    assert [await library.undo(pair) for _ in range(3)] == ["rejected", "confirmed", "pending"]
    assert len(await library.groups()) == 1
    with pytest.raises(Conflict, match="nothing to undo"):
        await library.undo(pair)
    said = ["confirmed", "rejected", "kept_both", "rejected", "confirmed", "pending"]
    assert await library.words(pair) == [(action, number) for number, action in enumerate(said, start=1)]


async def test_the_way_back_has_an_end(library: Library) -> None:
    await library.copies(2)
    (pair,) = await library.pairs()
    for step in range(KEPT + 5):
        await library.act(pair, "confirmed" if step % 2 == 0 else "rejected")
    for _ in range(KEPT):
        await library.undo(pair)
    with pytest.raises(Conflict):
        await library.undo(pair)


async def test_a_bulk_action_is_undone_as_a_whole(library: Library) -> None:
    await library.copies(4)
    first, second, third = await library.pairs()
    await library.act(second, "rejected")
    outcome = await library.bulk("confirmed", [first, second, third])
    back = await library.undo_bulk(outcome.bulk_action_id)
    assert {result.id: result.action for result in back.results} == {
        first: "pending",
        second: "rejected",
        third: "pending",
    }
    assert await library.pairs() == {first: "pending", second: "rejected", third: "pending"}
    for bulk in (outcome.bulk_action_id, uuid4()):
        with pytest.raises(NotFound):
            await library.undo_bulk(bulk)


async def test_what_was_said_since_is_not_undone(library: Library) -> None:
    await library.copies(3)
    first, second = await library.pairs()
    outcome = await library.bulk("confirmed", [first, second])
    with pytest.raises(NotFound):
        await Library(library.database).undo_bulk(outcome.bulk_action_id)
    await library.act(second, "rejected")
    with pytest.raises(Conflict) as refused:
        await library.undo_bulk(outcome.bulk_action_id)
    assert (refused.value.code, refused.value.details) == ("CHANGED_SINCE", {"ids": [second]})
    assert await library.pairs() == {first: "confirmed", second: "rejected"}
    await library.undo(second)
    await library.undo_bulk(outcome.bulk_action_id)
    assert await library.pairs() == {first: "pending", second: "pending"}


async def test_a_bulk_action_of_which_a_part_is_forgotten_is_not_undone_by_halves(library: Library) -> None:
    _, gone, _ = await library.copies(3)
    first, second = await library.pairs()
    outcome = await library.bulk("confirmed", [first, second])
    for step in range(KEPT):
        await library.act(first, "rejected" if step % 2 == 0 else "confirmed")

    async def refused() -> dict[str, object]:
        with pytest.raises(Conflict) as caught:
            await library.undo_bulk(outcome.bulk_action_id)
        assert caught.value.code == "CHANGED_SINCE"
        assert await library.pairs() == {first: "confirmed", second: "confirmed"}
        return caught.value.details

    assert await refused() == {"ids": [first]}
    for _ in range(KEPT):
        await library.undo(first)
    with pytest.raises(Conflict, match="nothing to undo"):
        await library.undo(first)
    assert await refused() == {"ids": [first]}, "its part is forgotten"
    await library.delete(gone)
    assert [result.id for result in (await library.undo_bulk(outcome.bulk_action_id)).results] == [second]
    assert await remembered(library) == 0


async def test_what_is_forgotten_of_a_bulk_action_goes_with_the_rest_of_it(library: Library) -> None:
    await library.copies(3)
    pairs = list(await library.pairs())
    outcome = await library.bulk("confirmed", pairs)
    for kept, pair in zip((KEPT + 2, 2 * KEPT), pairs, strict=True):
        for step in range(KEPT):
            await library.act(pair, "rejected" if step % 2 == 0 else "confirmed")
        assert await remembered(library) == kept
    with pytest.raises(NotFound):
        await library.undo_bulk(outcome.bulk_action_id)


async def remembered(library: Library) -> int:
    async with library.database.begin() as session:
        mine = select(func.count()).select_from(ActionRow).where(col(ActionRow.user_id) == library.user)
        return (await session.execute(mine)).scalar_one()


async def test_pairs_of_deleted_photos_are_left_out_of_the_undoing(library: Library) -> None:
    keeper, gone, left = await library.copies(3)
    outcome = await library.bulk("confirmed", keeper=keeper)
    await library.delete(gone)
    (result,) = (await library.undo_bulk(outcome.bulk_action_id)).results
    assert await library.pairs() == {result.id: "pending"}
    # what was said of a photo goes with it
    await library.bulk("confirmed", keeper=keeper)
    await library.delete(left)
    assert await remembered(library) == 0


async def test_the_feed_follows_decided_pairs_into_the_trash_and_back(library: Library) -> None:
    _, other = await library.copies(2)
    (pair,) = await library.pairs()
    await library.act(pair, "rejected")
    last = (await library.changes()).last
    for version, hide, told in ((1, True, "deleted"), (2, False, "created")):
        await library.move(other, version, hide)
        (change,) = (await library.changes(last)).changes
        assert (change.id, change.change, change.data is None) == (pair, told, hide)
        assert (pair in await library.pairs()) is not hide
        last = change.seq


async def test_five_hundred_pairs(library: Library) -> None:
    keeper, *_ = await library.copies(501)
    outcome = await library.bulk("rejected", keeper=keeper)
    assert len(outcome.results) == 500
    assert len((await library.undo_bulk(outcome.bulk_action_id)).results) == 500
    (group,) = await library.groups()
    assert len(group) == 500


async def test_groups_by_lane_and_by_action(library: Library) -> None:
    (exact, *_), (near, *_) = await library.copies(2, lane="exact"), await library.copies(3)
    await library.bulk("confirmed", keeper=exact)

    async def keepers(**asked: str) -> list[int]:
        return [group[0].primary_photo_id for group in await library.groups(**asked)]

    assert await keepers() == [exact, near]
    assert await keepers(lane="exact") == [exact] == await keepers(action="confirmed")
    assert await keepers(lane="near") == [near] == await keepers(action="pending")
    assert await keepers(lane="similar") == [] == await keepers(lane="near", action="confirmed")


async def test_the_feed_tells_of_pairs_that_come_change_and_go(library: Library) -> None:
    keeper, other, _ = await library.copies(3)
    page = await library.changes()
    first, second = await library.pairs()
    assert [(change.change, change.kind, change.id) for change in page.changes] == [
        ("created", "duplicate", first),
        ("created", "duplicate", second),
    ]
    assert page.changes[0].data is not None and page.changes[0].data["primaryPhotoId"] == keeper
    start = page.last
    await library.act(first, "confirmed")
    (change,) = (await library.changes(start)).changes
    assert (change.change, change.id, change.data and change.data["action"]) == ("changed", first, "confirmed")
    await library.delete(other)
    (gone,) = (await library.changes(change.seq)).changes
    assert (gone.change, gone.id, gone.data) == ("deleted", first, None)
    one = await library.changes(limit=1)
    assert (len(one.changes), one.more) == (1, True)
    rest = await library.changes(one.last, limit=1)
    assert (len(rest.changes), rest.more) == (1, False)
    assert (await Library(library.database).changes()).changes == []
