"""Exports: whose account is there to have one, and how many files are kept."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from mizzap_common import tombstones
from mizzap_common.contracts import audit, exporting, library
from mizzap_common.errors import NotFound, Unavailable
from sqlalchemy import text

from services.auth.tests.test_exports import World, base, token_of, world
from services.auth.tests.waiting import waiting

__all__ = ["base", "world"]


async def test_an_account_that_is_being_closed_gets_no_export(world: World) -> None:
    question = library.UserRequest(user_id=world.user_id)
    async with world.database.begin() as closing:
        await tombstones.bury_user(closing, world.user_id)
        await closing.execute(text("DELETE FROM users WHERE id = :id"), {"id": world.user_id})
        begun = asyncio.create_task(world.exports.begin(question))
        await waiting(world.database)
    with pytest.raises(NotFound):
        await begun
    with pytest.raises(NotFound):
        await world.exports.begin(question)


async def test_the_newest_one_counts_and_the_others_files_go(world: World) -> None:
    first = await world.build()
    begun = await world.exports.begin(library.UserRequest(user_id=world.user_id))
    await world.exports.remove_expired()
    assert await world.content(first), "until the next one is there"
    assert await world.builder.work()
    await world.exports.remove_expired()
    second = await world.get(begun.id)
    assert ((await world.get(first.id)).status, second.status) == ("expired", "ready")
    with pytest.raises(NotFound):
        await world.open(first.id, token_of(first))
    assert await world.files() == [(await world.open(second.id, token_of(second))).object_key]


async def test_nobody_else_s_export_goes_with_it(world: World) -> None:
    owner, theirs = world.user_id, await world.build()
    world.user_id = await world.user()
    await world.build()
    await world.exports.remove_expired()
    assert (await world.get(theirs.id, owner)).status == "ready"


@pytest.mark.parametrize("store_away", [False, True])
async def test_one_that_could_not_be_finished_leaves_no_file(world: World, monkeypatch, store_away: bool) -> None:
    async def away(*_: Any) -> Any:
        raise OSError("no route to the store")

    async def unfinished(*_: Any) -> bool:
        raise Unavailable("The database does not answer right now.")

    monkeypatch.setattr(world.exports, "finish", unfinished)
    begun = await world.exports.begin(library.UserRequest(user_id=world.user_id))
    for number in range(world.exports.settings.export_tries, 0, -1):
        if number == 1 and store_away:
            with monkeypatch.context() as patched, pytest.raises(OSError):
                patched.setattr(world.storage, "remove_under", away)
                await world.builder.work()
            assert (await world.get(begun.id)).status == "building", "it has not failed while its files lie there"
            world.now += timedelta(minutes=3)
        assert await world.builder.work()
        assert await world.files() or number == 1
        world.now += timedelta(minutes=1)
    assert (await world.get(begun.id)).status == "failed"
    assert await world.files() == []


async def test_who_asks_for_one_finds_that_in_the_audit_log(world: World) -> None:
    question = library.UserRequest(user_id=world.user_id)
    begun = [await world.exports.begin(question) for _ in range(2)]
    page = await world.exports.audit.page(audit.ListAudit(user_id=world.user_id))
    assert [(entry.action, entry.about) for entry in page.entries] == [("export.requested", f"export/{begun[0].id}")]
    await world.exports.delete(exporting.ExportRequest(user_id=world.user_id, export_id=begun[0].id))
