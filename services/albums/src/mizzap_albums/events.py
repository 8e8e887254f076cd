"""What the albums service hears."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog

from mizzap_albums.contents import Contents
from mizzap_albums.sharing import Sharing


def subscribe(bus: Bus, contents: Contents, sharing: Sharing) -> None:
    bus.on(catalog.PHOTO_TRASHED, contents.hide_photo)
    bus.on(catalog.PHOTO_RESTORED, contents.show_photo)
    bus.on(catalog.PHOTO_DELETED, contents.forget_photo)
    bus.on(catalog.USER_JOINED_FAMILY, sharing.joined)
    bus.on(catalog.USER_LEFT_FAMILY, sharing.left)
    bus.on(catalog.FAMILY_CHANGED, sharing.changed)
    bus.on(catalog.FAMILY_DELETED, sharing.deleted)
