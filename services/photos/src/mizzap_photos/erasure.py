"""What the photos service has of a user who is erased: rows, originals, uploads under way, exports."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure
from mizzap_common.storage import Storage, renditions_prefix

from mizzap_photos.models import metadata


def subscribe(bus: Bus, database: Database, storage: Storage) -> None:
    async def remove_objects(user_id: int) -> int:
        """Everything of the user's that nobody else answers for: also kinds of objects that are still to come."""
        return await storage.remove_under(f"user-{user_id}/", but=renditions_prefix(user_id))

    erasure = Erasure(database, metadata, catalog.PHOTOS_ERASED, remove_objects)
    bus.on(catalog.USER_ERASURE_REQUESTED, erasure.erase)
