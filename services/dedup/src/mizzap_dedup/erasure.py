"""What the dedup service has of a user who is erased: hashes, pairs, decisions, and vectors of every model."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure

from mizzap_dedup.models import metadata
from mizzap_dedup.vectors import Collections


def subscribe(bus: Bus, database: Database, collections: Collections) -> None:
    erasure = Erasure(database, metadata, catalog.DEDUP_ERASED, collections.remove_all)
    bus.on(catalog.USER_ERASURE_REQUESTED, erasure.erase)
