"""What a user's tier may store: charged exactly, asked for beforehand, recounted every day."""

from datetime import timedelta

import structlog
from mizzap_common import tasks
from mizzap_common.contracts import events, keeping, library
from mizzap_common.db import DATABASE_ERRORS, Database
from mizzap_common.errors import QuotaExceeded
from mizzap_common.inbox import Delivery
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_photos import quotas_repository
from mizzap_photos.models import QuotaRow
from mizzap_photos.settings import PhotosSettings
from mizzap_photos.trash_times import TrashTimes

_USERS_AT_ONCE = 500
_FIRST_RECOUNT_SECONDS = 300.0
"""After a start, which has better things to do; a service that is started every day must recount too."""

log = structlog.get_logger(__name__)


class Quotas:
    def __init__(self, database: Database, settings: PhotosSettings) -> None:
        self.database = database
        self.limit = settings.free_quota_bytes
        self.times = TrashTimes(settings)
        self.recount_every = settings.recount_interval_seconds

    async def charge(self, session: AsyncSession, user_id: int, sha256: str, size_bytes: int) -> None:
        """Part of the transaction that registers a photo. Raises QuotaExceeded when its original doesn't fit."""
        if not await quotas_repository.charge(session, user_id, sha256, size_bytes, self.limit):
            used = (await quotas_repository.find(session, user_id)).used_bytes
            raise QuotaExceeded(
                "Your storage is full: this photo does not fit any more.",
                usedBytes=used,
                limitBytes=self.limit,
                neededBytes=size_bytes,
            )

    async def room(self, request: keeping.RoomRequest) -> keeping.Room:
        """What a file may have to fit at this moment; only its registration decides."""
        async with self.database.begin() as session:
            quota = await quotas_repository.find(session, request.user_id)
            charged = await quotas_repository.is_charged(session, request.user_id, request.sha256)
        if charged or quota.tier == quotas_repository.PREMIUM:
            return keeping.Room(free_bytes=None)
        return keeping.Room(free_bytes=max(0, self.limit - quota.used_bytes))

    async def usage(self, request: library.UserRequest) -> keeping.Usage:
        async with self.database.begin() as session:
            quota = await quotas_repository.find(session, request.user_id)
            return await self._usage(session, quota)

    async def keep_trash(self, request: keeping.KeepTrash) -> keeping.Usage:
        """Raises InvalidInput when the user's tier doesn't keep photos for so long."""
        async with self.database.begin() as session:
            quota = await quotas_repository.lock(session, request.user_id)
            self.times.check(request.days, quota.tier)
            quota.trash_days = request.days
            return await self._usage(session, quota)

    async def _usage(self, session: AsyncSession, quota: QuotaRow) -> keeping.Usage:
        photos, trash = await quotas_repository.counts(session, quota.user_id)
        premium = quota.tier == quotas_repository.PREMIUM
        return keeping.Usage(
            tier="premium" if premium else "free",
            used_bytes=quota.used_bytes,
            limit_bytes=None if premium else self.limit,
            photos=photos,
            trash=trash,
            trash_days=self.times.of(quota) / timedelta(days=1),
        )

    async def tier_changed(self, event: events.UserTierChanged, delivery: Delivery) -> None:
        """Nothing is taken from a user who stores more than the new tier has room for; nothing more fits then."""
        async with self.database.effect(delivery) as session:
            await quotas_repository.set_tier(session, event.user_id, event.tier, event.change)

    async def run_recount(self) -> None:
        first, otherwise = min(_FIRST_RECOUNT_SECONDS, self.recount_every), "quotas are recounted another time"
        await tasks.repeat(self.recount, self.recount_every, DATABASE_ERRORS, otherwise, first)

    async def recount(self) -> int:
        """Holds every user's quota against what is stored. Returns how many were wrong; there should never be one."""
        wrong, last = 0, 0
        while True:
            async with self.database.begin() as session:
                users = await quotas_repository.users_after(session, last, _USERS_AT_ONCE)
            if not users:
                return wrong
            for user_id in users:
                async with self.database.begin() as session:
                    drift = await quotas_repository.recount(session, user_id)
                if drift:
                    wrong += 1
                    log.error("a quota was wrong and is repaired", user_id=user_id, bytes=drift)
            last = users[-1]
