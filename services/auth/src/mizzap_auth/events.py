"""What the auth service hears: that a service has done its part of an erasure."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog

from mizzap_auth.erasures import Erasures


def subscribe(bus: Bus, erasures: Erasures) -> None:
    bus.on(catalog.PHOTOS_ERASED, erasures.receipt_of("photos"))
    bus.on(catalog.ALBUMS_ERASED, erasures.receipt_of("albums"))
    bus.on(catalog.THUMBS_ERASED, erasures.receipt_of("thumbs"))
    bus.on(catalog.DEDUP_ERASED, erasures.receipt_of("dedup"))
    bus.on(catalog.CURATION_ERASED, erasures.receipt_of("curation"))
