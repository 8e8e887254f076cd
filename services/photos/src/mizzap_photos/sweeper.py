"""The sweeper: compares what should be done with what is, and asks again for what got lost on the way.

The database is the truth: the broker's disk may be deleted at any time. A step counts as lost when its consumer has
nothing left that was sent before the step was last asked for.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import structlog
from mizzap_common import outbox, tasks
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events, library
from mizzap_common.contracts.steps import WORKERS
from mizzap_common.db import DATABASE_ERRORS, Database
from mizzap_common.storage import STORE_ERRORS, Storage
from mizzap_common.telemetry import OUTBOX_REARMED
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_photos import jobs, quotas_repository, repository
from mizzap_photos.models import JobRow
from mizzap_photos.service import Photos
from mizzap_photos.settings import PhotosSettings

WANTING: tuple[jobs.Wanting, ...] = (catalog.PHOTO_UPLOADED, catalog.PROCESSING_REQUESTED)
_CLOCK_SKEW = timedelta(seconds=5)
_BATCH = 500
_ORPHAN_EVERY_SECONDS = 6 * 3600.0

log = structlog.get_logger(__name__)


class Sweeper:
    def __init__(self, photos: Photos, database: Database, storage: Storage, bus: Bus, settings: PhotosSettings):
        self.photos = photos
        self.database = database
        self.storage = storage
        self.bus = bus
        self.settings = settings

    async def run(self) -> None:
        every, outages = self.settings.sweep_interval_seconds, (NatsError, *DATABASE_ERRORS, OSError, TimeoutError)
        await tasks.repeat(self.sweep, every, outages, "sweeping waits", first=every)

    async def sweep(self) -> int:
        """One round over all steps; returns how many events were told once more."""
        total = 0
        for step, worker in WORKERS.items():
            for event in WANTING:
                arrived = await arrived_before(self.bus.jetstream, event, worker)
                total += await self._sweep_step(step, arrived - _CLOCK_SKEW, event)
        return total

    async def _sweep_step(
        self, step: library.JobType, arrived: datetime, event: jobs.Wanting = catalog.PHOTO_UPLOADED
    ) -> int:
        after = timedelta(seconds=self.settings.sweep_after_seconds)
        async with self.database.begin() as session:
            overdue = await jobs.overdue(session, step, event, after, arrived, _BATCH)
            hopeless = [job for job in overdue if job.asked_count >= self.settings.sweep_limit]
            for job in hopeless:
                await self._give_up(session, job)
            return await self._ask_again(session, [job for job in overdue if job not in hopeless], step)

    async def _ask_again(self, session: AsyncSession, overdue: Sequence[JobRow], step: str) -> int:
        if not overdue:
            return 0
        await jobs.mark_asked(session, [job.id for job in overdue if job.id is not None])
        about = [f"photo/{job.photo_id}" for job in overdue if job.request_id is None]
        count = await outbox.rearm(session, catalog.PHOTO_UPLOADED, about)
        count += await outbox.rearm_these(session, [job.request_id for job in overdue if job.request_id])
        OUTBOX_REARMED.labels("overdue").inc(count)
        log.warning("steps are overdue, what wants them is told again", step=step, photos=len(overdue), events=count)
        return count

    async def _give_up(self, session: AsyncSession, job: JobRow) -> None:
        log.error("step given up", step=job.job_type, photo_id=job.photo_id)
        failed = events.StepFailed(
            user_id=job.user_id,
            photo_id=job.photo_id,
            code="PROCESSING_GAVE_UP",
            message="Processing did not come to an end, however often it was tried. The photo itself is safe.",
        )
        await self.photos.fail_step(session, failed, cast(library.JobType, job.job_type))

    async def run_orphans(self) -> None:
        age = timedelta(hours=self.settings.orphan_after_hours)
        outages = (*DATABASE_ERRORS, *STORE_ERRORS)
        await tasks.repeat(lambda: self.remove_orphans(age), _ORPHAN_EVERY_SECONDS, outages, "orphans stay for now")

    async def remove_orphans(self, older_than: timedelta) -> int:
        """Removes stored bytes that no photo came of: uploads that ended between the store and the database."""
        removed = 0
        oldest_kept = datetime.now(UTC) - older_than
        for found in await self.storage.list("user-"):
            user, kind, name = (*found.key.split("/", 2), "", "")[:3]
            if kind not in ("originals", "incoming") or found.modified is None or found.modified > oldest_kept:
                continue
            async with self.database.begin() as session:
                user_id = int(user.removeprefix("user-"))
                await repository.lock_original(session, user_id, name)
                if kind == "originals" and await repository.used_originals(session, user_id, [name]):
                    continue
                await self.storage.remove(found.key)
                if kind == "originals":
                    await quotas_repository.release(session, user_id, name)
                removed += 1
        return removed


async def arrived_before(js: JetStreamContext, event: catalog.Event[Any], service: str) -> datetime:
    """The moment before which this service's durable has taken everything the broker ever had for it."""
    info = await js.consumer_info(event.stream, event.durable(service))
    if not info.num_pending and not info.num_ack_pending:
        return datetime.now(UTC)
    floor = info.ack_floor.stream_seq if info.ack_floor else 0
    oldest = await js.get_msg(event.stream, floor + 1, subject=event.subject, next=True)
    assert oldest.time is not None
    return oldest.time
