"""What the dedup service hears."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog

from mizzap_dedup.consent import Consent
from mizzap_dedup.service import Dedup
from mizzap_dedup.vectors import PATIENT_DELAYS


def subscribe(bus: Bus, dedup: Dedup, consent: Consent, workers: int) -> None:
    """``workers``: photos handled at a time; more than there are children would only wait and grow old."""
    bus.on(catalog.PHOTO_UPLOADED, bus.as_step(dedup.fingerprint), workers=workers)
    bus.on(catalog.PROCESSING_REQUESTED, bus.as_step(dedup.fingerprint), workers=workers)
    bus.on(catalog.PHOTO_TRASHED, dedup.hide)
    bus.on(catalog.PHOTO_RESTORED, dedup.show)
    bus.on(catalog.PHOTO_DELETED, dedup.forget, delays=PATIENT_DELAYS)
    bus.on(catalog.CONSENT_CHANGED, consent.changed, delays=PATIENT_DELAYS)
