"""What the thumbs service hears."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events
from mizzap_common.inbox import Delivery

from mizzap_thumbs.service import Thumbs


def subscribe(bus: Bus, thumbs: Thumbs) -> None:
    async def requested(photo: events.ProcessingRequested, delivery: Delivery) -> None:
        if "thumbnail" in photo.steps:
            await thumbs.make(photo, delivery)

    bus.on(catalog.PHOTO_UPLOADED, thumbs.make)
    bus.on(catalog.PROCESSING_REQUESTED, requested)
    bus.on(catalog.PHOTO_DELETED, thumbs.forget)
