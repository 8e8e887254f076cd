"""What the thumbs service has of a user who is erased: renditions, rows and objects."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure
from mizzap_common.storage import Storage, renditions_prefix

from mizzap_thumbs.models import metadata


def subscribe(bus: Bus, database: Database, storage: Storage) -> None:
    async def remove_renditions(user_id: int) -> int:
        return await storage.remove_under(renditions_prefix(user_id))

    erasure = Erasure(database, metadata, catalog.THUMBS_ERASED, remove_renditions)
    bus.on(catalog.USER_ERASURE_REQUESTED, erasure.erase)
