"""The trash: where deleted photos wait, hidden everywhere, until they are restored or their time is over."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog
from mizzap_common import tasks
from mizzap_common.contracts import keeping, library
from mizzap_common.db import DATABASE_ERRORS, Database
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_photos import moving, quotas_repository, trash_repository
from mizzap_photos.models import PhotoRow
from mizzap_photos.refusals import no_such_photo
from mizzap_photos.settings import PhotosSettings
from mizzap_photos.trash_times import TrashTimes

_BATCH = 200

log = structlog.get_logger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Trash:
    """``answer`` shows a photo as the others see it, ``now`` is the clock, which a test can turn."""

    def __init__(
        self, database: Database, settings: PhotosSettings, answer: Callable[[PhotoRow], library.Photo],
        now: Callable[[], datetime] = _utc_now,
    ) -> None:  # fmt: skip
        self.database = database
        self.answer = answer
        self.times = TrashTimes(settings)
        self.purge_every = settings.purge_interval_seconds
        self.now = now

    async def delete(self, request: keeping.DeletePhoto) -> library.Done:
        """Into the trash, or gone for good."""
        async with self.database.begin() as session:
            photo = await _locked(session, request)
            if request.permanent:
                await moving.away(session, request.user_id, [photo])
            else:
                await moving.into_trash(session, request.user_id, [photo], self.now())
        return library.Done()

    async def restore(self, request: library.PhotoRequest) -> library.Photo:
        """Out of the trash, with everything that it stood in. One that is not there stays as it is."""
        async with self.database.begin() as session:
            photo = await _locked(session, request)
            await moving.out_of_trash(session, request.user_id, [photo])
            await session.refresh(photo)
            return self.answer(photo)

    async def list(self, request: keeping.ListTrash) -> keeping.TrashPage:
        async with self.database.begin() as session:
            rows, total = await trash_repository.page(session, request)
            quota = await quotas_repository.find(session, request.user_id)
        kept = self.times.of(quota)
        return keeping.TrashPage(photos=[self._trashed(row, kept) for row in rows], total=total)

    def _trashed(self, row: PhotoRow, kept: timedelta) -> keeping.TrashedPhoto:
        trashed_at = cast(datetime, row.trashed_at)
        shown = self.answer(row).model_dump()
        return keeping.TrashedPhoto(**shown, trashed_at=trashed_at, deleted_after=trashed_at + kept)

    async def run_purge(self) -> None:
        await tasks.repeat(self.purge, self.purge_every, DATABASE_ERRORS, "the trash stays for now")

    async def purge(self) -> int:
        """Deletes for good what has been in the trash for longer than its owner has it kept. Returns how much."""
        total = 0
        while True:
            async with self.database.begin() as session:
                due = await trash_repository.due(session, self.times, self.now(), _BATCH)
            if not due:
                return total
            for user_id, trashed in due.items():
                total += await self._purge(user_id, trashed)

    async def _purge(self, user_id: int, trashed: dict[int, datetime]) -> int:
        async with self.database.begin() as session:
            photos = await trash_repository.lock_with_partners(session, user_id, trashed.keys())
            # restored in between, and perhaps put there again: then its time begins anew
            gone = await moving.away(session, user_id, [row for row in photos if row.trashed_at == trashed[_id(row)]])
        log.info("trash emptied", user_id=user_id, photos=len(gone))
        return len(gone)


async def _locked(session: AsyncSession, request: library.PhotoRequest) -> PhotoRow:
    found = await trash_repository.lock_with_partners(session, request.user_id, [request.photo_id])
    if not found:
        raise no_such_photo(request.photo_id)
    return found[0]


def _id(row: PhotoRow) -> int:
    return cast(int, row.id)
