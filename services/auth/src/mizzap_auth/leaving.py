"""Wiring of what leads out of MIZZAP: erasure and export."""

import asyncio
import time

import structlog
from mizzap_common.sealed import KeyRing
from mizzap_common.service import Service
from mizzap_common.storage import STORE_ERRORS
from sqlalchemy.exc import DBAPIError

from mizzap_auth import events, rpc
from mizzap_auth.builder import Builder
from mizzap_auth.erasures import Erasures
from mizzap_auth.export import AccountExport
from mizzap_auth.exports import Exports
from mizzap_auth.ledger import Ledger
from mizzap_auth.links import Links
from mizzap_auth.service import Accounts
from mizzap_auth.settings import AuthSettings

_PATIENCE_SECONDS = 60.0

log = structlog.get_logger(__name__)


def wire(service: Service, settings: AuthSettings, accounts: Accounts, ledger: Ledger, ring: KeyRing) -> None:
    erasures = Erasures(service.database, accounts.passwords, ledger, settings)
    exports = Exports(service.database, service.storage, Links(ring), settings)
    builder = Builder(exports, service.bus, service.storage)
    events.subscribe(service.bus, erasures)
    rpc.serve_leaving(service.bus, erasures, exports, AccountExport(service.database, accounts))
    service.on_start(lambda: compare_patiently(erasures))
    service.background(erasures.run)
    for _ in range(settings.export_builders):
        service.background(builder.run)
    service.background(builder.run_expiry)


async def compare_patiently(erasures: Erasures, seconds: float = _PATIENCE_SECONDS) -> None:
    """Nobody is answered before the ledger has been read. Raises what the store raises when it stays away."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            await erasures.compare()
            return
        except (DBAPIError, *STORE_ERRORS) as error:
            if time.monotonic() > deadline:
                raise
            log.warning("the ledger can't be read yet", reason=repr(error))
        await asyncio.sleep(1)
