"""The background work: builds exports, and removes those whose time is over."""

import asyncio
from typing import BinaryIO, cast

import structlog
from mizzap_common import tasks
from mizzap_common.bus import Bus
from mizzap_common.db import DATABASE_ERRORS
from mizzap_common.errors import MizzapError
from mizzap_common.storage import STORE_ERRORS, Storage

from mizzap_auth.archive import Archive, GivenUp
from mizzap_auth.exports import MIME_TYPE, Exports, export_key
from mizzap_auth.exports_repository import Claim

_PART_BYTES = 64 << 20
"""A file has 10,000 parts at most: 640 GB of photos."""
_EXPIRE_EVERY_SECONDS = 60.0
_OUTAGES = (*DATABASE_ERRORS, *STORE_ERRORS)

log = structlog.get_logger(__name__)


class Builder:
    """Any number may run: an export is claimed by one of them, for a time, with SKIP LOCKED.

    One whose builder died is begun anew, under another key.
    """

    def __init__(self, exports: Exports, bus: Bus, storage: Storage) -> None:
        self.exports = exports
        self.bus = bus
        self.storage = storage

    async def run(self) -> None:
        """Runs until cancelled. An outage only makes the exports wait."""
        await tasks.repeat(
            lambda: tasks.exhaust(self.work),
            self.exports.settings.export_poll_seconds,
            _OUTAGES,
            "exports wait",
        )

    async def run_expiry(self) -> None:
        async def expire() -> None:
            await tasks.exhaust(self.exports.remove_expired)

        await tasks.repeat(expire, _EXPIRE_EVERY_SECONDS, _OUTAGES, "exports whose time is over stay for now")

    async def work(self) -> bool:
        """Builds the export that has waited longest. False when there is none."""
        claim = await self.exports.claim()
        if claim is None:
            return False
        try:
            await self._build(claim)
        except GivenUp:
            log.info("export given up", export_id=claim.export_id)
        except (MizzapError, TimeoutError, *_OUTAGES) as error:
            log.warning("export could not be built", export_id=claim.export_id, reason=type(error).__name__)
            await self.exports.give_back(claim, "A part of the service did not answer. Please ask for a new export.")
        return True

    async def _build(self, claim: Claim) -> None:
        async def report(photos_done: int, photos_total: int, bytes_done: int) -> bool:
            return await self.exports.progress(claim, photos_done, photos_total, bytes_done)

        archive = Archive(claim.user_id, self.bus, self.storage, report, self.exports.clock())
        key = export_key(claim.user_id, claim.export_id, claim.try_number)
        try:
            await self.storage.put_stream(key, cast(BinaryIO, archive), MIME_TYPE, _PART_BYTES)
        except asyncio.CancelledError:
            archive.abandon()  # its thread can't be cancelled
            raise
        if not await self.exports.finish(claim, archive.photos, archive.size, archive.sha256):
            await self.storage.remove(key)
            raise GivenUp
        log.info("export built", export_id=claim.export_id, user_id=claim.user_id, size=archive.size)
