"""How long the audit log is kept: dropped from its old end, and whole all the same."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mizzap_auth import audit as audit_module
from mizzap_auth import audit_repository
from mizzap_auth.audit import AuditLog
from mizzap_auth.audit_chain import Entry

from services.auth.tests.test_audit import database, page_of, ring, tampered, with_entries

__all__ = ["database", "ring"]


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_entries_are_dropped_after_ninety_days_and_the_rest_still_verifies(auth, database, ring) -> None:
    clock = Clock()
    log = AuditLog(database, ring, days=90, clock=clock)
    user_id = await with_entries(database, log, auth, 3)
    clock.now += timedelta(days=50)
    async with database.begin() as session:
        await log.note(session, user_id, "photo.deleted", "photo/1")
    clock.now += timedelta(days=39)
    assert await log.forget_old() == 0
    clock.now += timedelta(days=2)
    await log.forget_old()
    assert [entry.seq for entry in (await page_of(auth, user_id)).entries] == [4]
    assert await log.verify() == []
    clock.now += timedelta(days=90)
    await log.forget_old()
    assert (await page_of(auth, user_id)).entries == [] and await log.verify() == []
    async with database.begin() as session:
        await log.note(session, user_id, "photo.deleted", "photo/2")
    assert [entry.seq for entry in (await page_of(auth, user_id)).entries] == [5]
    assert await log.verify() == []


async def test_a_long_log_is_dropped_bit_by_bit(auth, database, ring, monkeypatch) -> None:
    monkeypatch.setattr(audit_module, "FORGOTTEN_AT_ONCE", 2)
    read, sizes = audit_repository.old_entries, []

    async def counted(*asked: Any) -> list[Entry]:
        found = await read(*asked)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(audit_repository, "old_entries", counted)
    clock = Clock()
    log = AuditLog(database, ring, days=90, clock=clock)
    await log.forget_old()
    user_id = await with_entries(database, log, auth, 5)
    clock.now += timedelta(days=91)
    async with database.begin() as session:
        await log.note(session, user_id, "photo.deleted", "photo/1")
    sizes.clear()
    assert await log.forget_old() >= 5  # other tests' are old too
    assert max(sizes) == 2, "nothing is noted while a long one is read"
    assert [entry.seq for entry in (await page_of(auth, user_id)).entries] == [6]
    assert await log.verify() == []


async def test_evidence_is_not_dropped(auth, database, ring) -> None:
    clock = Clock()
    log = AuditLog(database, ring, days=90, clock=clock)
    user_id = await with_entries(database, log, auth, 4)
    await tampered(auth, "UPDATE audit_log SET about = 'x' WHERE user_id = %(u)s AND seq = 2", user_id)
    clock.now += timedelta(days=91)
    await log.forget_old()
    assert (await page_of(auth, user_id)).total == 4
    assert [(broken.user_id, broken.seq) for broken in await log.verify()] == [(user_id, 2)]
    async with database.begin() as session:
        await log.erase(session, user_id)
        await log.begin(session, user_id)
