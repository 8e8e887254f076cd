"""What the albums service has of a user who is erased: albums, and their photos' places in albums."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure

from mizzap_albums.models import metadata


def subscribe(bus: Bus, database: Database) -> None:
    bus.on(catalog.USER_ERASURE_REQUESTED, Erasure(database, metadata, catalog.ALBUMS_ERASED).erase)
