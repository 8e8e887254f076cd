"""Wiring of the auth service: which parts there are and who answers what."""

import asyncio

import structlog
from mizzap_common.sealed import BadKeyRing, KeyRing
from mizzap_common.service import Service
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette

from mizzap_auth import leaving, rpc
from mizzap_auth.ledger import Ledger
from mizzap_auth.passwords import Passwords
from mizzap_auth.service import Accounts
from mizzap_auth.settings import AuthSettings
from mizzap_auth.tokens import BadKeyFile, Signer

_FORGET_EVERY_SECONDS = 3600.0

log = structlog.get_logger(__name__)


def build(settings: AuthSettings) -> Starlette:
    """Raises SystemExit, with a sentence for the operator, when the signing key or the key ring can't be used."""
    try:
        signer = Signer.from_file(settings.signing_key_file, settings.access_token_seconds)
        ring = KeyRing.from_file(settings.key_ring_file)
    except (BadKeyFile, BadKeyRing) as error:
        raise SystemExit(str(error)) from error
    service = Service("auth", settings)
    passwords = Passwords()
    ledger = Ledger(service.storage)
    accounts = Accounts(service.database, passwords, signer, settings, ledger)
    rpc.serve(service.bus, accounts)
    leaving.wire(service, settings, accounts, ledger, ring)
    service.on_start(passwords.start)
    service.on_stop(passwords.stop)
    service.background(lambda: _forget(accounts))
    service.info["signing_key"] = signer.key_id
    return service.asgi()


async def _forget(accounts: Accounts) -> None:
    while True:
        try:
            await accounts.forget_ended_sessions()
        except (DBAPIError, OSError) as error:
            log.warning("ended sessions stay for another hour", reason=repr(error))
        await asyncio.sleep(_FORGET_EVERY_SECONDS)
