"""What the dedup service has of a user who is erased: hashes, pairs, decisions, and vectors of every model."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure, nothing_beside

from mizzap_dedup.models import metadata
from mizzap_dedup.vectors import Vectors


def subscribe(bus: Bus, database: Database, vectors: Vectors | None) -> None:
    remove_vectors = vectors.remove_all if vectors is not None else nothing_beside
    erasure = Erasure(database, metadata, catalog.DEDUP_ERASED, remove_vectors)
    bus.on(catalog.USER_ERASURE_REQUESTED, erasure.erase)
