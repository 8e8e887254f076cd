"""A database with the tables that every service shares, and one to see effects in."""

from collections.abc import AsyncIterator, Callable

import pytest
from mizzap_common import tables
from mizzap_common.db import Database
from sqlalchemy import text


@pytest.fixture
async def database(make_database: Callable[[str], str]) -> AsyncIterator[Database]:
    made = Database(make_database("delivery"))
    async with made.engine.begin() as connection:
        await connection.run_sync(tables.metadata.create_all)
        await connection.execute(text("CREATE TABLE effects (photo_id bigint)"))
    yield made
    await made.close()
