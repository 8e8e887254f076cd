"""Wiring of the auth service: which parts there are and who answers what."""

import asyncio

import structlog
from mizzap_common.sealed import BadKeyRing, KeyRing
from mizzap_common.service import Service
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette

from mizzap_auth import rpc
from mizzap_auth.emails import Emails
from mizzap_auth.passwords import Passwords
from mizzap_auth.service import Accounts
from mizzap_auth.sessions import Sessions
from mizzap_auth.settings import AuthSettings
from mizzap_auth.tokens import BadKeyFile, PublishedKeys, Signer

_FORGET_EVERY_SECONDS = 3600.0

log = structlog.get_logger(__name__)


def build(settings: AuthSettings) -> Starlette:
    """Raises SystemExit, with a sentence for the operator, when a key can't be used."""
    try:
        signer = Signer.from_file(settings.signing_key_file, settings.access_token_seconds)
        keys = PublishedKeys.from_files(signer, settings.published_key_files)
        emails = Emails(KeyRing.from_file(settings.key_ring_file))
    except (BadKeyFile, BadKeyRing) as error:
        raise SystemExit(str(error)) from error
    service = Service("auth", settings)
    passwords = Passwords()
    sessions = Sessions(service.database, emails, signer, settings)
    accounts = Accounts(service.database, passwords, emails, sessions)
    rpc.serve(service.bus, accounts, sessions, keys)
    service.on_start(passwords.start)
    service.on_stop(passwords.stop)
    service.background(lambda: _forget(sessions))
    service.info["signing_key"] = signer.key_id
    service.info["published_keys"] = keys.ids
    return service.asgi()


async def _forget(sessions: Sessions) -> None:
    while True:
        try:
            await sessions.forget_ended()
        except (DBAPIError, OSError) as error:
            log.warning("ended sessions stay for another hour", reason=repr(error))
        await asyncio.sleep(_FORGET_EVERY_SECONDS)
