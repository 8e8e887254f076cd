"""Sealing everything anew with the ring's current key, and finding it by its first index key, while the service runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mizzap_common.db import Database
from mizzap_common.sealed import SealBroken

from mizzap_auth import repository
from mizzap_auth.emails import Emails

_BATCH = 200
"""Rows that are held for one short transaction."""


@dataclass
class Progress:
    users: int = 0
    """How many there were at the beginning."""
    seen: int = 0
    """Of this pass."""
    sealed: int = 0
    broken: set[int] = field(default_factory=set)
    """Users whose address can't be opened: its key is gone, or it was changed."""


async def rotate(database: Database, emails: Emails, on_progress: Callable[[Progress], None]) -> Progress:
    """Can be stopped at any time and begun again: what has the current keys is left as it is."""
    progress = Progress()
    async with database.begin() as session:
        progress.users = await repository.count_users(session)
    while True:
        before = progress.sealed
        await _pass(database, emails, progress, on_progress)
        if progress.sealed == before:
            # who registered beside us, with an older ring, was found by one more pass
            return progress


async def _pass(
    database: Database, emails: Emails, progress: Progress, on_progress: Callable[[Progress], None]
) -> None:
    after = progress.seen = 0
    while True:
        async with database.begin() as session:
            rows = await repository.hold_emails(session, after, _BATCH)
            for user_id, sealed, index in rows:
                try:
                    email = emails.open(user_id, sealed)
                    kept = emails.indexes(email)[0]
                    if not emails.is_current(sealed) or kept != index:
                        await repository.replace_email(session, user_id, emails.seal(user_id, email), kept)
                        progress.sealed += 1
                except SealBroken:
                    progress.broken.add(user_id)
        if not rows:
            return
        after = rows[-1][0]
        progress.seen += len(rows)
        on_progress(progress)
