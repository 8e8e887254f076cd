"""What the albums service has of a user who is erased: albums, and their photos' places in albums."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure
from mizzap_common.inbox import Delivery

from mizzap_albums.models import metadata
from mizzap_albums.sharing import Sharing


def subscribe(bus: Bus, database: Database, sharing: Sharing) -> None:
    erasure = Erasure(database, metadata, catalog.ALBUMS_ERASED)

    async def erase(request: events.UserErasureRequested, delivery: Delivery) -> None:
        # while it is known with whom the user shared what: afterwards nobody could be told
        await sharing.leave_all(request.user_id)
        await erasure.erase(request, delivery)

    bus.on(catalog.USER_ERASURE_REQUESTED, erase)
