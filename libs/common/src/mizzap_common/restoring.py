"""``python -m mizzap_NAME restored``: what a service with a change feed does when its database came out of a backup."""

import asyncio
import sys
from collections.abc import Sequence

import structlog

from mizzap_common import changes
from mizzap_common.db import Database
from mizzap_common.settings import DatabaseSettings

log = structlog.get_logger(__name__)


def restored(settings: DatabaseSettings, words: Sequence[str]) -> None:
    """Has everybody who follows the feed begin again: nobody knows what they heard since the backup."""
    if words:
        sys.exit("usage: python -m mizzap_NAME restored")
    asyncio.run(_begin_epoch(settings))
    log.info("whoever follows the change feed begins again")


async def _begin_epoch(settings: DatabaseSettings) -> None:
    database = Database(settings.database_url.get_secret_value(), pool=1)
    try:
        async with database.begin() as session:
            await changes.begin_epoch(session)
    finally:
        await database.close()
