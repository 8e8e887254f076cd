"""The audit log: what happened to a user's account and files, for that user to read and for nobody to change.

A user's entries are a chain of hashes whose end is signed with a key that the database doesn't have: an entry that was
changed, removed, moved or added shows, and so does a chain that was made anew.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from mizzap_common.contracts import audit
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_auth import audit_chain, audit_repository
from mizzap_auth.audit_chain import Broken, Entry, Head

FORGOTTEN_AT_ONCE = 500
"""Entries of one user, while no new ones can be noted."""

log = structlog.get_logger(__name__)


def now() -> datetime:
    return datetime.now(UTC)


class AuditLog:
    """``clock`` gives the time of each entry that brings none, and the age at which entries are dropped."""

    def __init__(self, database: Database, ring: KeyRing, days: int, clock: Callable[[], datetime] = now) -> None:
        self.database = database
        self.ring = ring
        self.keep = timedelta(days=days)
        self.clock = clock

    async def begin(self, session: AsyncSession, user_id: int) -> None:
        """Starts the log of a new account. Nobody else's can be: a log that was removed must not come back as new."""
        await audit_repository.add_head(session, audit_chain.sealed(Head(user_id), self.ring))

    async def note(
        self, session: AsyncSession, user_id: int, action: str, about: str, at: datetime | None = None
    ) -> None:
        """Writes down, in the running transaction, what happens to a user's account or files.

        ``action`` is noun.verb, ``about`` what it happens to: ids, never personal data. ``at`` is when it happened,
        for what is heard of later than that. Until the transaction ends other entries of this user wait: call it late,
        and for several users in the order of their ids.
        """
        head = await audit_repository.hold_head(session, user_id)
        if head is None:
            head = await self._unsigned_head(session, user_id)
        # what was tampered with is not signed again, so that it shows for ever
        intact = audit_chain.is_intact(head, self.ring)
        noted = self.clock()
        happened = min(at, noted) if at else noted  # another machine's clock may be ahead
        entry = audit_chain.hashed(Entry(user_id, head.seq + 1, happened, action, about, head.hash))
        await audit_repository.add(session, entry)
        grown = replace(head, seq=entry.seq, hash=entry.hash)
        await audit_repository.change_head(session, audit_chain.sealed(grown, self.ring) if intact else grown)

    async def note_if_known(
        self, session: AsyncSession, user_id: int, action: str, about: str, at: datetime | None = None
    ) -> None:
        """As ``note``, and nothing for a user whose account is gone."""
        if await audit_repository.hold_head(session, user_id) is not None:
            await self.note(session, user_id, action, about, at)

    async def _unsigned_head(self, session: AsyncSession, user_id: int) -> Head:
        last = await audit_repository.last_seq(session, user_id)
        await audit_repository.add_head(session, Head(user_id, seq=last))
        head = await audit_repository.hold_head(session, user_id)
        assert head is not None
        return head

    async def page(self, request: audit.ListAudit) -> audit.AuditPage:
        async with self.database.begin() as session:
            found, total = await audit_repository.page(session, request)
        entries = [
            audit.AuditEntry(seq=e.seq, at=e.at, action=e.action, about=e.about, hash=e.hash.hex()) for e in found
        ]
        return audit.AuditPage(entries=entries, total=total)

    async def forget_old(self) -> int:
        """Drops what is older than the log is kept; returns how many entries. A broken chain stays, as evidence."""
        oldest_kept = self.clock() - self.keep
        async with self.database.begin() as session:
            users = await audit_repository.users_with_entries_before(session, oldest_kept)
        dropped = 0
        for user_id in users:
            some = FORGOTTEN_AT_ONCE
            while some == FORGOTTEN_AT_ONCE:
                async with self.database.begin() as session:
                    some = await self._forget_some(session, user_id, oldest_kept)
                dropped += some
        return dropped

    async def _forget_some(self, session: AsyncSession, user_id: int, oldest_kept: datetime) -> int:
        head = await audit_repository.hold_head(session, user_id)
        old = await audit_repository.old_entries(session, user_id, oldest_kept, FORGOTTEN_AT_ONCE)
        if not old:
            return 0
        intact = head is not None and audit_chain.is_intact(head, self.ring)
        if head is None or not intact or audit_chain.broken_link(head.bridge_seq, head.bridge_hash, old):
            log.error("an audit log was tampered with: nothing of it is dropped", user_id=user_id)
            return 0
        await audit_repository.drop(session, user_id, old[-1].seq)
        bridged = replace(head, bridge_seq=old[-1].seq, bridge_hash=old[-1].hash)
        await audit_repository.change_head(session, audit_chain.sealed(bridged, self.ring))
        return len(old)

    async def sign_anew(self) -> int:
        """Signs with the ring's first index key whatever another one has signed; returns how many logs that were.

        What was tampered with is not signed again, so that it shows for ever.
        """
        async with self.database.begin() as session:
            users = await audit_repository.everybody(session)
        signed = 0
        for user_id in users:
            async with self.database.begin() as session:
                head = await audit_repository.hold_head(session, user_id)
                if head is not None and audit_chain.is_intact(head, self.ring):
                    anew = audit_chain.sealed(head, self.ring)
                    if anew != head:
                        await audit_repository.change_head(session, anew)
                        signed += 1
        return signed

    async def verify(self) -> list[Broken]:
        """Every user's log that is not as the service wrote it."""
        async with self.database.begin() as session:
            users = await audit_repository.everybody(session)
        found = []
        for user_id in users:
            async with self.database.begin() as session:
                head = await audit_repository.hold_head(session, user_id)
                entries = await audit_repository.entries(session, user_id)
            if broken := audit_chain.verify(user_id, head, entries, self.ring):
                found.append(broken)
        return found

    async def erase(self, session: AsyncSession, user_id: int) -> None:
        """Removes a user's whole log, for the erasure of an account."""
        await audit_repository.drop(session, user_id, await audit_repository.last_seq(session, user_id))
        await audit_repository.remove_head(session, user_id)
