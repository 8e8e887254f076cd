"""``python -m mizzap_auth erasures [--repeat]``: what operators do with erasures."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from mizzap_common.db import Database
from mizzap_common.storage import Storage

from mizzap_auth import erasures_repository as repository
from mizzap_auth.erasures import GONE_WITHIN, PARTICIPANTS, Erasures
from mizzap_auth.ledger import Ledger
from mizzap_auth.passwords import Passwords
from mizzap_auth.settings import AuthSettings


def erasures(arguments: Sequence[str]) -> None:
    """Lists the open ones; ``--repeat`` first has every service erase everybody of the ledger once more."""
    if list(arguments) not in ([], ["--repeat"]):
        sys.exit("usage: python -m mizzap_auth erasures [--repeat]")
    settings = AuthSettings()  # type: ignore[call-arg]  # the environment has the rest
    asyncio.run(_run(settings, repeat="--repeat" in arguments))


async def _run(settings: AuthSettings, repeat: bool) -> None:
    database = Database(settings.database_url.get_secret_value())
    try:
        if repeat:
            ledger = Ledger(Storage(settings))
            count = await Erasures(database, Passwords(), ledger, settings).repeat()
            print(f"{count} erasures are asked for once more")
        for line in await open_lines(database):
            print(line)
    finally:
        await database.close()


async def open_lines(database: Database) -> list[str]:
    """Receipt id, user, days left, how often it was asked, and who still owes a receipt; separated by tabs."""
    lines = []
    async with database.begin() as session:
        for row in await repository.open_erasures(session):
            needed = row.final_from or 1
            given = {r.service for r in await repository.receipts(session, row.user_id) if r.asked >= needed}
            left = (row.opened_at + GONE_WITHIN - datetime.now(UTC)).days
            owing = ", ".join(sorted(set(PARTICIPANTS) - given)) or "nobody: the final asking is still to come"
            lines.append(f"{row.erasure_id}\tuser {row.user_id}\t{left} days left\tasked {row.asked}\t{owing}")
    return lines
