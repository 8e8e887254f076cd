"""What the photos service does when it hears of something."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events, library, steps
from mizzap_common.delivery import Handler
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.metadata import read_metadata
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.inbox import Delivery
from mizzap_common.storage import Storage

from mizzap_photos.consent import Consent
from mizzap_photos.quotas import Quotas
from mizzap_photos.service import Photos


class Handlers:
    def __init__(self, photos: Photos, quotas: Quotas, consent: Consent, storage: Storage, pool: DecodePool) -> None:
        self.photos = photos
        self.quotas = quotas
        self.consent = consent
        self.storage = storage
        self.pool = pool

    def subscribe(self, bus: Bus) -> None:
        bus.on(catalog.PHOTO_UPLOADED, bus.as_step(self.inspect))
        bus.on(catalog.PROCESSING_REQUESTED, bus.as_step(self.inspect))
        bus.on(catalog.PHOTO_THUMBNAILED, self.thumbnailed)
        bus.on(catalog.PHOTO_FINGERPRINTED, self.fingerprinted)
        bus.on(catalog.PHOTO_SCORED, self.consent.scored)
        bus.on(catalog.SCORE_SKIPPED, self.skipped)
        bus.on(catalog.SCORE_ALLOWED, self.consent.allowing("ai_score"))
        bus.on(catalog.EMBEDDING_ALLOWED, self.consent.allowing("dedup"))
        bus.on(catalog.CONSENT_CHANGED, self.consent.changed)
        bus.on(catalog.THUMBNAIL_FAILED, self.failing("thumbnail"))
        bus.on(catalog.FINGERPRINT_FAILED, self.failing("dedup"))
        bus.on(catalog.SCORE_FAILED, self.failing("ai_score"))
        bus.on(catalog.DUPLICATE_DETECTED, self.photos.pair_changed)
        bus.on(catalog.DUPLICATE_WITHDRAWN, self.photos.pair_changed)
        bus.on(catalog.DUPLICATE_RESOLVED, self.photos.pair_changed)
        bus.on(catalog.PHOTO_DELETED, self.photos.forget_original)
        bus.on(catalog.USER_TIER_CHANGED, self.quotas.tier_changed)

    async def inspect(self, event: events.PhotoUploaded, delivery: Delivery) -> None:
        data = await self.storage.get(event.object_key)
        try:
            found = await self.pool.run(read_metadata, data)
        except ImageError as error:
            ending = steps.ending(event, delivery.began_at)
            failed = events.StepFailed(**ending, code=error.code, message=error.message)
            await self.photos.step_failed(failed, delivery, "metadata_extract")
        else:
            await self.photos.inspected(event, delivery, found)

    async def thumbnailed(self, event: events.PhotoThumbnailed, delivery: Delivery) -> None:
        await self.photos.step_done(event, delivery, "thumbnail", {})

    async def fingerprinted(self, event: events.PhotoFingerprinted, delivery: Delivery) -> None:
        await self.photos.step_done(event, delivery, "dedup", {"hash_perceptual": event.perceptual_hash})

    async def skipped(self, event: events.StepSkipped, delivery: Delivery) -> None:
        await self.photos.step_done(event, delivery, "ai_score", {})

    def failing(self, step: library.JobType) -> Handler[events.StepFailed]:
        async def failed(event: events.StepFailed, delivery: Delivery) -> None:
            await self.photos.step_failed(event, delivery, step)

        return failed
