"""What the albums service hears."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog

from mizzap_albums.service import Albums


def subscribe(bus: Bus, albums: Albums) -> None:
    bus.on(catalog.PHOTO_TRASHED, albums.hide_photo)
    bus.on(catalog.PHOTO_RESTORED, albums.show_photo)
    bus.on(catalog.PHOTO_DELETED, albums.forget_photo)
