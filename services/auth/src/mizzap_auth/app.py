"""Wiring of the auth service: which parts there are and who answers what."""

from collections.abc import Callable
from datetime import datetime

import structlog
from mizzap_common import tasks
from mizzap_common.db import DATABASE_ERRORS
from mizzap_common.sealed import BadKeyRing, KeyRing
from mizzap_common.service import Service
from starlette.applications import Starlette

from mizzap_auth import leaving, rpc
from mizzap_auth.audit import AuditLog, now
from mizzap_auth.consents import Consents
from mizzap_auth.emails import Emails
from mizzap_auth.events import Handlers
from mizzap_auth.families import Families
from mizzap_auth.ledger import Ledger
from mizzap_auth.passwords import Passwords
from mizzap_auth.service import Accounts
from mizzap_auth.sessions import Sessions
from mizzap_auth.settings import AuthSettings
from mizzap_auth.tokens import BadKeyFile, PublishedKeys, Signer

_FORGET_EVERY_SECONDS = 3600.0
_OUTAGES = (*DATABASE_ERRORS, OSError)

log = structlog.get_logger(__name__)


def build(settings: AuthSettings, clock: Callable[[], datetime] = now) -> Starlette:
    """Raises SystemExit, with a sentence for the operator, when a key can't be used.

    ``clock`` gives the audit log's time.
    """
    try:
        signer = Signer.from_file(settings.signing_key_file, settings.access_token_seconds)
        keys = PublishedKeys.from_files(signer, settings.published_key_files)
        ring = KeyRing.from_file(settings.key_ring_file)
    except (BadKeyFile, BadKeyRing) as error:
        raise SystemExit(str(error)) from error
    service = Service("auth", settings)
    passwords, emails, ledger = Passwords(), Emails(ring), Ledger(service.storage)
    audit = AuditLog(service.database, ring, settings.audit_days, clock)
    consents = Consents(service.database, audit, settings.policy_versions)
    families = Families(service.database, audit, ring, settings.invitation_days)
    sessions = Sessions(service.database, emails, signer, settings, audit, ledger)
    accounts = Accounts(service.database, passwords, emails, sessions, audit, consents)
    Handlers(service.database, audit).subscribe(service.bus)
    rpc.serve(service.bus, accounts, sessions, keys)
    rpc.serve_people(service.bus, consents, families, audit)
    people = leaving.People(accounts, sessions, consents, families, audit)
    leaving.wire(service, settings, people, ledger, ring)
    service.on_start(passwords.start)
    service.on_stop(passwords.stop)
    service.background(lambda: _forget(sessions))
    service.background(lambda: _forget_audit(audit))
    service.info["signing_key"] = signer.key_id
    service.info["published_keys"] = keys.ids
    return service.asgi()


async def _forget(sessions: Sessions) -> None:
    await tasks.repeat(sessions.forget_ended, _FORGET_EVERY_SECONDS, _OUTAGES, "ended sessions stay for another hour")


async def _forget_audit(audit: AuditLog) -> None:
    async def forget_old() -> None:
        if dropped := await audit.forget_old():
            log.info("old audit entries dropped", entries=dropped)

    await tasks.repeat(forget_old, _FORGET_EVERY_SECONDS, _OUTAGES, "old audit entries stay for another hour")
