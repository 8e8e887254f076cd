"""What the thumbs service hears."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog

from mizzap_thumbs.service import Thumbs


def subscribe(bus: Bus, thumbs: Thumbs) -> None:
    bus.on(catalog.PHOTO_UPLOADED, bus.as_step(thumbs.make))
    bus.on(catalog.PROCESSING_REQUESTED, bus.as_step(thumbs.make))
    bus.on(catalog.PHOTO_DELETED, thumbs.forget)
