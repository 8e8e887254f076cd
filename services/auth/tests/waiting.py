"""Transactions that a test holds open, until others wait for them."""

from mizzap_common import testing
from mizzap_common.db import Database
from sqlalchemy import text

_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")


async def waiting(database: Database, count: int = 1) -> None:
    """Comes back when so many transactions wait for another one's end."""

    async def enough() -> bool:
        async with database.begin() as session:
            return int((await session.execute(_WAITING)).scalar_one()) >= count

    await testing.eventually(enough)
