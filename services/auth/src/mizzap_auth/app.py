"""Wiring of the auth service: which parts there are and who answers what."""

import asyncio

import structlog
from mizzap_common.service import Service
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette

from mizzap_auth import rpc
from mizzap_auth.passwords import Passwords
from mizzap_auth.service import Accounts
from mizzap_auth.settings import AuthSettings
from mizzap_auth.tokens import BadKeyFile, Signer

_FORGET_EVERY_SECONDS = 3600.0

log = structlog.get_logger(__name__)


def build(settings: AuthSettings) -> Starlette:
    """Raises SystemExit, with a sentence for the operator, when the signing key can't be used."""
    try:
        signer = Signer.from_file(settings.signing_key_file, settings.access_token_seconds)
    except BadKeyFile as error:
        raise SystemExit(str(error)) from error
    service = Service("auth", settings)
    passwords = Passwords()
    accounts = Accounts(service.database, passwords, signer, settings)
    rpc.serve(service.bus, accounts)
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
