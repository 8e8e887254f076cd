"""What the curation service hears."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events
from mizzap_common.inbox import Delivery

from mizzap_curation.consent import Consent
from mizzap_curation.service import Curation


class Handlers:
    """Events in the words of the catalogue, turned into what they mean for curation."""

    def __init__(self, curation: Curation, consent: Consent) -> None:
        self.curation = curation
        self.consent = consent

    def subscribe(self, bus: Bus) -> None:
        bus.on(catalog.PHOTO_UPLOADED, bus.as_step(self.curation.score))
        bus.on(catalog.PROCESSING_REQUESTED, bus.as_step(self.curation.score))
        bus.on(catalog.PHOTO_EMBEDDED, self.curation.reconsider)
        bus.on(catalog.PHOTO_PROCESSED, self.curation.processed)
        bus.on(catalog.PHOTO_FAILED, self.curation.failed)
        bus.on(catalog.PHOTO_TRASHED, self.trashed)
        bus.on(catalog.PHOTO_RESTORED, self.restored)
        bus.on(catalog.PHOTO_DELETED, self.curation.forget)
        bus.on(catalog.CONSENT_CHANGED, self.consent.changed)
        bus.on(catalog.DUPLICATE_DETECTED, self.detected)
        bus.on(catalog.DUPLICATE_WITHDRAWN, self.withdrawn)
        bus.on(catalog.DUPLICATE_RESOLVED, self.resolved)

    async def trashed(self, photo: events.PhotoTrashed, delivery: Delivery) -> None:
        await self.curation.move(photo, delivery, hide=True)

    async def restored(self, photo: events.PhotoRestored, delivery: Delivery) -> None:
        await self.curation.move(photo, delivery, hide=False)

    async def detected(self, pair: events.DuplicateDetected, delivery: Delivery) -> None:
        await self.curation.pair_told(pair, delivery)

    async def withdrawn(self, pair: events.DuplicateWithdrawn, delivery: Delivery) -> None:
        await self.curation.pair_told(pair, delivery, withdrawn=True)

    async def resolved(self, pair: events.DuplicateResolved, delivery: Delivery) -> None:
        """Two photos that the user wants to keep both still show the same; only "no duplicates" parts them."""
        await self.curation.pair_told(pair, delivery, pair.change, rejected=pair.action == "rejected")
