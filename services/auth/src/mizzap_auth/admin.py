"""Commands for the operator beside the service itself."""

import asyncio

from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing

from mizzap_auth.audit import AuditLog
from mizzap_auth.audit_chain import Broken
from mizzap_auth.settings import AuthSettings


def audit_verify(settings: AuthSettings) -> int:
    """Says whose audit log was tampered with, and where; exit code 1 when there is any."""
    found = asyncio.run(_verify(settings))
    for broken in found:
        print(f"user {broken.user_id}, entry {broken.seq}: {broken.problem}")
    print(f"{len(found)} logs were tampered with." if found else "All audit logs are as they were written.")
    return 1 if found else 0


async def _verify(settings: AuthSettings) -> list[Broken]:
    database = Database(settings.database_url.get_secret_value(), pool=1)
    try:
        ring = KeyRing.from_file(settings.key_ring_file)
        return await AuditLog(database, ring, settings.audit_days).verify()
    finally:
        await database.close()
