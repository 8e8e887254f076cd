"""What an operator does: ``python -m mizzap_auth rotate-keys``, ``tier EMAIL premium``, ``audit-verify``,
``erasures [--repeat]``."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar, get_args

from mizzap_common import outbox
from mizzap_common.contracts import catalog, events
from mizzap_common.db import Database
from mizzap_common.sealed import BadKeyRing, KeyRing
from mizzap_common.storage import Storage

from mizzap_auth import erasures_repository, leaving, repository, rotation
from mizzap_auth.audit import AuditLog
from mizzap_auth.emails import Emails
from mizzap_auth.erasures import GONE_WITHIN, PARTICIPANTS, Erasures
from mizzap_auth.families import Families
from mizzap_auth.ledger import Ledger
from mizzap_auth.passwords import Passwords
from mizzap_auth.sessions import Sessions
from mizzap_auth.settings import AuthSettings
from mizzap_auth.tokens import BadKeyFile, Signer

T = TypeVar("T")


def rotate_keys(settings: AuthSettings, words: Sequence[str]) -> None:
    """Seals every address anew with the ring's current key, and signs the audit logs with its first index key."""
    if words:
        sys.exit("usage: python -m mizzap_auth rotate-keys")

    def show(progress: rotation.Progress) -> None:
        print(f"{progress.seen} of {progress.users} users seen, {progress.sealed} sealed anew", flush=True)

    progress = _run(settings, lambda database, emails: rotation.rotate(database, emails, show))
    if progress.broken:
        ids = ", ".join(map(str, sorted(progress.broken)[:20]))
        sys.exit(f"{len(progress.broken)} addresses can't be opened; their users: {ids}. Keep the old keys.")
    signed = _with_audit(settings, AuditLog.sign_anew)
    print(f"{signed} audit logs signed anew")
    print("Everything is sealed with the current key.")


def tier(settings: AuthSettings, words: Sequence[str]) -> None:
    """Gives a user another tier."""
    tiers = get_args(events.Tier)
    if len(words) != 2 or words[1] not in tiers:
        sys.exit(f"usage: python -m mizzap_auth tier EMAIL {'|'.join(tiers)}")
    email, wanted = words
    user_id = _run(settings, lambda database, emails: change_tier(database, emails.indexes(email), wanted))
    if user_id is None:
        sys.exit("There is no account with this e-mail address.")
    print(f"User {user_id} is {wanted} now.")


async def change_tier(database: Database, email_indexes: Sequence[bytes], wanted: str) -> int | None:
    """The user's id; None when nobody has the address. The event is for whoever keeps things by tier."""
    async with database.begin() as session:
        user = await repository.hold_login(session, email_indexes)
        if user is None or user.id is None:
            return None
        if user.tier != wanted:
            change = await repository.change_tier(session, user.id, wanted)
            told = {"user_id": user.id, "tier": wanted, "change": change}
            payload = events.UserTierChanged.model_validate(told)
            await outbox.add(session, catalog.USER_TIER_CHANGED, payload)
    return user.id


def _run(settings: AuthSettings, work: Callable[[Database, Emails], Awaitable[T]]) -> T:
    return _with_ring(settings, lambda database, ring: work(database, Emails(ring)))


def _with_audit(settings: AuthSettings, work: Callable[[AuditLog], Awaitable[T]]) -> T:
    return _with_ring(settings, lambda database, ring: work(AuditLog(database, ring, settings.audit_days)))


def _with_ring(settings: AuthSettings, work: Callable[[Database, KeyRing], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(settings.database_url.get_secret_value(), pool=1)
        try:
            return await work(database, ring)
        finally:
            await database.close()

    try:
        ring = KeyRing.from_file(settings.key_ring_file)
    except BadKeyRing as error:
        sys.exit(str(error))
    return asyncio.run(run())


def audit_verify(settings: AuthSettings, words: Sequence[str]) -> None:
    """Says whose audit log was tampered with, and where; exit code 1 when there is any."""
    if words:
        sys.exit("usage: python -m mizzap_auth audit-verify")

    found = _with_audit(settings, AuditLog.verify)
    for broken in found:
        print(f"user {broken.user_id}, entry {broken.seq}: {broken.problem}")
    if found:
        sys.exit(f"{len(found)} logs were tampered with.")
    print("All audit logs are as they were written.")


def erasures(settings: AuthSettings, words: Sequence[str]) -> None:
    """Lists the open ones; ``--repeat`` first has every service erase everybody of the ledger once more."""
    if list(words) not in ([], ["--repeat"]):
        sys.exit("usage: python -m mizzap_auth erasures [--repeat]")

    async def work(database: Database, emails: Emails) -> list[str]:
        if words:
            count = await _erasures(settings, database, emails).repeat()
            print(f"{count} erasures are asked for once more")
        return await open_lines(database)

    for line in _run(settings, work):
        print(line)


def _erasures(settings: AuthSettings, database: Database, emails: Emails) -> Erasures:
    try:
        signer = Signer.from_file(settings.signing_key_file, settings.access_token_seconds)
    except BadKeyFile as error:
        sys.exit(str(error))
    ring, ledger = KeyRing.from_file(settings.key_ring_file), Ledger(Storage(settings))
    audit = AuditLog(database, ring, settings.audit_days)
    sessions = Sessions(database, emails, signer, settings, audit, ledger)
    families = Families(database, audit, ring, settings.invitation_days)
    farewells = leaving.farewells(families, sessions, audit)
    return Erasures(database, Passwords(), ledger, settings, farewells=farewells)


async def open_lines(database: Database) -> list[str]:
    """Receipt id, user, days left, how often it was asked, and who still owes a receipt; separated by tabs."""
    lines = []
    async with database.begin() as session:
        for row in await erasures_repository.open_erasures(session):
            needed = row.final_from or 1
            receipts = await erasures_repository.receipts(session, row.user_id)
            given = {receipt.service for receipt in receipts if receipt.asked >= needed}
            left = (row.opened_at + GONE_WITHIN - datetime.now(UTC)).days
            owing = ", ".join(sorted(set(PARTICIPANTS) - given)) or "nobody: the final asking is still to come"
            lines.append(f"{row.erasure_id}\tuser {row.user_id}\t{left} days left\tasked {row.asked}\t{owing}")
    return lines
