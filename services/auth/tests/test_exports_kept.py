"""Exports: whose account is there to have one, and how many files are kept."""

import asyncio

import pytest
from mizzap_common import testing, tombstones
from mizzap_common.contracts import library
from mizzap_common.errors import NotFound
from sqlalchemy import text

from services.auth.tests.test_exports import World, base, world

__all__ = ["base", "world"]

_SOMEBODY_WAITS = text(
    "SELECT 1 FROM pg_locks WHERE NOT granted"
    " AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
)


async def test_an_account_that_is_being_closed_gets_no_export(world: World) -> None:
    question = library.UserRequest(user_id=world.user_id)
    async with world.database.begin() as closing:
        await tombstones.bury_user(closing, world.user_id)
        await closing.execute(text("DELETE FROM users WHERE id = :id"), {"id": world.user_id})
        begun = asyncio.create_task(world.exports.begin(question))

        async def waits() -> bool:
            async with world.database.begin() as session:
                return (await session.execute(_SOMEBODY_WAITS)).first() is not None

        await testing.eventually(waits)
    with pytest.raises(NotFound):
        await begun
    with pytest.raises(NotFound):
        await world.exports.begin(question)
