"""What the albums service has of a user who is erased: albums, and their photos' places in albums."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure

from mizzap_albums.models import metadata
from mizzap_albums.sharing import Sharing


def subscribe(bus: Bus, database: Database, sharing: Sharing) -> None:
    erasure = Erasure(database, metadata, catalog.ALBUMS_ERASED, tell_others=sharing.erased)
    bus.on(catalog.USER_ERASURE_REQUESTED, erasure.erase)
