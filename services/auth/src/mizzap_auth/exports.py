"""What a user may do with exports: ask for one, look how far it is, download it, throw it away."""

from datetime import timedelta
from typing import cast

from mizzap_common import outbox
from mizzap_common.clock import Clock, utc_now
from mizzap_common.contracts import catalog, events, exporting, library
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from mizzap_common.storage import Storage

from mizzap_auth import exports_repository as repository
from mizzap_auth import repository as users
from mizzap_auth.audit import AuditLog
from mizzap_auth.exports_models import ExportRow
from mizzap_auth.exports_repository import Claim
from mizzap_auth.links import Links
from mizzap_auth.settings import AuthSettings

MIME_TYPE = "application/zip"
_AGAIN_AFTER = timedelta(seconds=10)


class Exports:
    """``clock`` is turned by tests."""

    def __init__(
        self, database: Database, storage: Storage, links: Links, settings: AuthSettings, audit: AuditLog,
        clock: Clock = utc_now,
    ) -> None:  # fmt: skip
        self.database = database
        self.storage = storage
        self.links = links
        self.settings = settings
        self.audit = audit
        self.clock = clock

    async def begin(self, request: library.UserRequest) -> exporting.Export:
        """A new export, or the one that is under way: there is one at a time. Raises NotFound."""
        while True:
            async with self.database.begin() as session:
                if not await users.hold_user(session, request.user_id):
                    raise NotFound("There is no such user.")
                row = await repository.begin(session, request.user_id, self.clock())
                if row is not None:
                    await self.audit.note(session, request.user_id, "export.requested", f"export/{row.id}")
                else:
                    # none in the blink of an eye in which that one ends
                    row = await repository.under_way(session, request.user_id)
            if row is not None:
                return self._answer(row)

    async def list(self, request: library.UserRequest) -> exporting.Exports:
        async with self.database.begin() as session:
            rows = await repository.of_user(session, request.user_id)
        return exporting.Exports(exports=[self._answer(row) for row in rows])

    async def get(self, request: exporting.ExportRequest) -> exporting.Export:
        async with self.database.begin() as session:
            row = await repository.get(session, request.user_id, request.export_id)
        if row is None:
            raise _no_such_export()
        return self._answer(row)

    async def delete(self, request: exporting.ExportRequest) -> library.Done:
        """One that is being built is given up: its builder finds the row gone and takes its file back."""
        async with self.database.begin() as session:
            if not await repository.remove(session, request.user_id, request.export_id):
                raise _no_such_export()
        await self._remove_files(request.user_id, request.export_id)
        return library.Done()

    async def open(self, request: exporting.OpenExport) -> library.StoredObject:
        """Raises NotFound: no such export, not ready, over, or a link that isn't good (any more)."""
        user_id = self.links.owner(request.token, request.export_id, self.clock())
        row = None
        if user_id is not None:
            async with self.database.begin() as session:
                row = await repository.get(session, user_id, request.export_id)
        if row is None or row.status != "ready" or row.sha256 is None:
            raise NotFound("There is no such export, or this link has run out.", code="LINK_INVALID")
        return library.StoredObject(
            object_key=export_key(row.user_id, request.export_id, row.tries),
            mime_type=MIME_TYPE,
            size_bytes=row.bytes_done,
            etag=row.sha256,
            file_name=f"mizzap-export-{row.created_at:%Y-%m-%d}.zip",
        )

    async def remove_expired(self) -> int:
        """Removes the files of exports whose time is over; that there was one stays to be seen. Returns how many."""
        async with self.database.begin() as session:
            rows = await repository.over(session, self.clock())
            for row in rows:
                export_id = cast(int, row.id)
                await self._remove_files(row.user_id, export_id)
                await repository.expire(session, row.user_id, export_id)
        return len(rows)

    # --- the builder's side -----------------------------------------------------------------------------------------

    async def claim(self) -> Claim | None:
        now = self.clock()
        async with self.database.begin() as session:
            return await repository.claim(session, now, now + self._lease)

    async def progress(self, claim: Claim, photos_done: int, photos_total: int, bytes_done: int) -> bool:
        """Says how far it is, and that the builder is alive. False when it is not this builder's any more."""
        values = {
            "photos_done": photos_done,
            "photos_total": photos_total,
            "bytes_done": bytes_done,
            "claimed_until": self.clock() + self._lease,
        }
        async with self.database.begin() as session:
            return await repository.change_claimed(session, claim, values)

    async def finish(self, claim: Claim, photos: int, size: int, sha256: str) -> bool:
        """False when nobody waits for it any more. The user's earlier ones are over: each is a copy of everything."""
        now = self.clock()
        values = {
            "status": "ready",
            "photos_done": photos,
            "photos_total": photos,
            "bytes_done": size,
            "sha256": sha256,
            "ready_at": now,
            "expires_at": now + timedelta(days=self.settings.export_keep_days),
            "error": None,
        }
        async with self.database.begin() as session:
            if not await repository.change_claimed(session, claim, values):
                return False
            await repository.supersede(session, claim, now)
            ready = events.ExportReady(user_id=claim.user_id, export_id=claim.export_id)
            await outbox.add(session, catalog.EXPORT_READY, ready)
            return True

    async def give_back(self, claim: Claim, reason: str) -> None:
        """It could not be built: it is tried again, and after the last try it has failed for good.

        Raises what the store raises while the files of its tries can't be removed: it has not failed before they are.
        """
        failed = claim.try_number >= self.settings.export_tries
        async with self.database.begin() as session:
            later = self.clock() + _AGAIN_AFTER
            values = {"status": "failed", "error": reason} if failed else {"claimed_until": later}
            if await repository.change_claimed(session, claim, values) and failed:
                # one that was stored and could not be finished
                await self._remove_files(claim.user_id, claim.export_id)
                told = events.ExportFailed(user_id=claim.user_id, export_id=claim.export_id)
                await outbox.add(session, catalog.EXPORT_FAILED, told)

    async def _remove_files(self, user_id: int, export_id: int) -> None:
        """Those of builders too that were given up."""
        await self.storage.remove_under(f"{_prefix(user_id)}{export_id}.")

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.settings.export_lease_seconds)

    def _answer(self, row: ExportRow) -> exporting.Export:
        export_id = cast(int, row.id)
        url = None
        if row.status == "ready":
            until = self.clock() + timedelta(seconds=self.settings.export_link_seconds)
            token = self.links.token(row.user_id, export_id, until)
            url = f"/api/v1/exports/{export_id}/download?token={token}"
        return exporting.Export(
            id=export_id,
            status=cast(exporting.ExportStatus, row.status),
            photos_done=row.photos_done,
            photos_total=row.photos_total,
            bytes_done=row.bytes_done,
            created_at=row.created_at,
            ready_at=row.ready_at,
            expires_at=row.expires_at,
            error=row.error,
            download_url=url,
        )


def _prefix(user_id: int) -> str:
    return f"user-{user_id}/exports/"


def export_key(user_id: int, export_id: int, try_number: int) -> str:
    """Each try has a place of its own: a builder that was given up can't write over its successor's file."""
    return f"{_prefix(user_id)}{export_id}.{try_number}.zip"


def _no_such_export() -> NotFound:
    return NotFound("There is no such export.")
