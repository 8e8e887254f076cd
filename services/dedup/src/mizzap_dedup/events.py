"""What the dedup service hears."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events
from mizzap_common.inbox import Delivery

from mizzap_dedup.consent import Consent
from mizzap_dedup.service import Dedup
from mizzap_dedup.vectors import PATIENT_DELAYS


def subscribe(bus: Bus, dedup: Dedup, consent: Consent, workers: int) -> None:
    """``workers``: photos handled at a time; more than there are children would only wait and grow old."""

    async def requested(photo: events.ProcessingRequested, delivery: Delivery) -> None:
        if "dedup" in photo.steps:
            await dedup.fingerprint(photo, delivery)

    bus.on(catalog.PHOTO_UPLOADED, dedup.fingerprint, workers=workers)
    bus.on(catalog.PROCESSING_REQUESTED, requested, workers=workers)
    bus.on(catalog.PHOTO_TRASHED, dedup.hide)
    bus.on(catalog.PHOTO_RESTORED, dedup.show)
    bus.on(catalog.PHOTO_DELETED, dedup.forget, delays=PATIENT_DELAYS)
    bus.on(catalog.CONSENT_CHANGED, consent.changed, delays=PATIENT_DELAYS)
