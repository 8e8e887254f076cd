"""Wiring of what leads out of MIZZAP: erasure and export."""

import asyncio
import time
from dataclasses import dataclass

import structlog
from mizzap_common import tasks
from mizzap_common.db import DATABASE_ERRORS
from mizzap_common.sealed import KeyRing
from mizzap_common.service import Service
from mizzap_common.storage import STORE_ERRORS
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_auth import events, rpc
from mizzap_auth.audit import AuditLog
from mizzap_auth.builder import Builder
from mizzap_auth.consents import Consents
from mizzap_auth.erasures import Erasures, Farewell
from mizzap_auth.export import AccountExport
from mizzap_auth.exports import Exports
from mizzap_auth.families import Families
from mizzap_auth.ledger import Ledger
from mizzap_auth.links import Links
from mizzap_auth.numbers import Numbers
from mizzap_auth.service import Accounts
from mizzap_auth.sessions import Sessions
from mizzap_auth.settings import AuthSettings

_PATIENCE_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class People:
    """Those who have something of an account."""

    accounts: Accounts
    sessions: Sessions
    consents: Consents
    families: Families
    audit: AuditLog


def farewells(families: Families, sessions: Sessions, audit: AuditLog) -> tuple[Farewell, ...]:
    """The audit log goes last: the others write into it."""

    async def end_sessions(session: AsyncSession, user_id: int) -> list[int]:
        return await sessions.end_but(session, user_id, None)

    return families.leave_all, end_sessions, audit.erase


def wire(service: Service, settings: AuthSettings, people: People, ledger: Ledger, ring: KeyRing) -> None:
    leave = farewells(people.families, people.sessions, people.audit)
    erasures = Erasures(service.database, people.accounts.passwords, ledger, settings, farewells=leave)
    exports = Exports(service.database, service.storage, Links(ring), settings, people.audit)
    builder = Builder(exports, service.bus, service.storage)
    events.subscribe_erasures(service.bus, erasures)
    account = AccountExport(service.database, people.accounts, people.families)
    rpc.serve_leaving(service.bus, erasures, exports, account)
    numbers = Numbers(service.database, service.storage)
    service.on_start(lambda: compare_patiently(numbers, erasures))
    service.background(lambda: _look(numbers))
    service.background(erasures.run)
    for _ in range(settings.export_builders):
        service.background(builder.run)
    service.background(builder.run_expiry)


async def _look(numbers: Numbers) -> None:
    outages = (*DATABASE_ERRORS, *STORE_ERRORS)
    await tasks.repeat(numbers.look, _LOOK_EVERY_SECONDS, outages, "the mark can't be raised, numbers may run out")


async def compare(numbers: Numbers, erasures: Erasures) -> int:
    """What a start does in case that a backup was restored. Returns how many were erased again.

    The numbers come first: erasing tells families of changes.
    """
    # a ledger may be older than the first mark
    await numbers.begin(above=max(await erasures.ledger.load(), default=0))
    return await erasures.compare()


async def compare_patiently(numbers: Numbers, erasures: Erasures, seconds: float = _PATIENCE_SECONDS) -> None:
    """Nobody is answered before the ledger has been read. Raises what the store raises when it stays away."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            await compare(numbers, erasures)
            return
        except (*DATABASE_ERRORS, *STORE_ERRORS) as error:
            if time.monotonic() > deadline:
                raise
            log.warning("the ledger can't be read yet", reason=repr(error))
        await asyncio.sleep(1)
