"""The change feed: who follows it has what the server has, whatever happened meanwhile and however it was read."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing
from mizzap_photos import repository
from mizzap_photos.following import Feed

from services.photos.tests.followers import Follower, Writer, delivery, server_state
from services.photos.tests.worlds import inside


@pytest.fixture
def make_writer(database: Database, ring: KeyRing, user_id: int) -> Callable[[int], Writer]:
    return lambda seed: Writer(inside(database, ring), user_id, random.Random(seed))


@pytest.fixture
def make_follower(database: Database, ring: KeyRing, user_id: int) -> Callable[[], Follower]:
    return lambda: Follower(Feed(database, ring), user_id)


@pytest.mark.parametrize("seed", range(6))
async def test_a_follower_ends_with_what_the_server_has(
    database: Database, ring: KeyRing, user_id: int, make_writer: Any, make_follower: Any, seed: int
) -> None:
    writers = [make_writer(seed * 10 + number) for number in range(3)]
    # all act on one another's photos
    for writer in writers[1:]:
        writer.ids, writer.files = writers[0].ids, writers[0].files
    follower: Follower = make_follower()
    writing = True

    async def write(writer: Writer) -> None:
        for _ in range(40):
            await writer.act()

    async def follow() -> None:
        chance = random.Random(seed)
        while writing:
            await follower.poll(chance.randrange(1, 5))
            await asyncio.sleep(0)

    reading = asyncio.create_task(follow())
    await asyncio.gather(*(write(writer) for writer in writers))
    writing = False
    await reading
    state = await server_state(database, ring, user_id)
    assert len(state) > 3
    assert await follower.catch_up() == state
    # who begins only now, and who comes back without anything new
    assert await make_follower().catch_up() == state
    assert not await follower.poll(5) and follower.has == state


@pytest.mark.parametrize("action", ["register", "inspect", "finish", "match", "delete", "trash"])
async def test_each_kind_of_change_reaches_a_follower_on_its_own(
    database: Database, ring: KeyRing, user_id: int, make_writer: Any, make_follower: Any, action: str
) -> None:
    """Nothing that happens later can make up for a change that was not told."""
    writer: Writer = make_writer(1)
    for _ in range(4):
        await writer.register()
    follower: Follower = make_follower()
    before = dict(await follower.catch_up())
    await getattr(writer, action)()
    state = await server_state(database, ring, user_id)
    assert state != before
    assert await follower.catch_up() == state


@pytest.mark.parametrize("ending", ["processed", "failed"])
async def test_the_end_of_the_last_step_reaches_a_follower(
    database: Database, ring: KeyRing, user_id: int, make_writer: Any, make_follower: Any, ending: str
) -> None:
    writer: Writer = make_writer(1)
    about = await writer.end_all_steps_but_one(await writer.register(), ending == "failed")
    follower: Follower = make_follower()
    await follower.catch_up()
    if ending == "processed":
        await writer.photos.step_done(about, delivery(), "thumbnail", {})
    else:
        await writer.fail_step(about.photo_id, "thumbnail")
    [photo] = (await follower.catch_up()).values()
    assert photo["status"] == ending and photo["processedAt"]
    assert follower.has == await server_state(database, ring, user_id)


async def test_a_deleted_photos_partners_are_told_of(
    database: Database, ring: KeyRing, user_id: int, make_writer: Any, make_follower: Any
) -> None:
    writer: Writer = make_writer(1)
    first, second = await writer.register(), await writer.register()
    await writer.match()
    follower: Follower = make_follower()
    assert [photo["duplicateCount"] for photo in (await follower.catch_up()).values()] == [1, 1]
    await writer.delete(first)
    assert await follower.catch_up() == await server_state(database, ring, user_id)
    assert follower.has[second]["duplicateCount"] == 0


async def test_a_change_that_is_not_noted_is_caught(
    database: Database,
    ring: KeyRing,
    user_id: int,
    make_writer: Any,
    make_follower: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check's own check: with one transaction that forgets its note the follower falls behind."""
    writer: Writer = make_writer(1)
    for _ in range(4):
        await writer.register()
    follower: Follower = make_follower()
    await follower.catch_up()
    monkeypatch.setattr(repository.changes, "note", lambda *_, **__: None)
    await writer.finish()
    assert await follower.catch_up() != await server_state(database, ring, user_id)


async def test_what_goes_into_the_trash_is_gone_and_comes_back_as_new(
    database: Database, ring: KeyRing, user_id: int, make_writer: Any, make_follower: Any
) -> None:
    writer: Writer = make_writer(1)
    first, second = await writer.register(), await writer.register()
    await writer.match()
    follower: Follower = make_follower()
    await follower.catch_up()
    await writer.trash(first)
    assert await follower.heard() == {first: "deleted", second: "changed"}
    # what happens in the trash is no news, and does not make it less new afterwards
    writer.ids = [first]
    await writer.finish()
    await writer.reprocess()
    assert await follower.heard() == {}
    await writer.restore(first)
    assert await follower.heard() == {first: "created", second: "changed"}
    assert follower.has == await server_state(database, ring, user_id)
    await writer.trash(first)
    await follower.catch_up()
    await writer.upload_again(0)
    assert (await follower.heard())[first] == "created"
    assert follower.has == await server_state(database, ring, user_id)


async def test_favourites_reprocessing_and_withdrawn_consent_reach_a_follower(
    database: Database, ring: KeyRing, user_id: int, make_writer: Any, make_follower: Any
) -> None:
    writer: Writer = make_writer(1)
    await writer.end_all_steps_but_one(await writer.register(), failed=False)
    await writer.finish()
    follower: Follower = make_follower()
    before = dict(await follower.catch_up())
    for action in (writer.favourite, writer.withdraw, writer.reprocess):
        await action()
        state = await server_state(database, ring, user_id)
        assert state != before
        assert await follower.catch_up() == state
        before = dict(state)


async def test_nobody_follows_anybody_else(database: Database, ring: KeyRing, make_writer: Any) -> None:
    await make_writer(1).register()
    assert await Follower(Feed(database, ring), 999_999_999).catch_up() == {}
