"""What the curation service has of a user who is erased: scores, choices, moments, and orders, whose partners are told."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog
from mizzap_common.db import Database
from mizzap_common.erasure import Erasure

from mizzap_curation.farewells import Farewells
from mizzap_curation.models import metadata


def subscribe(bus: Bus, database: Database, farewells: Farewells) -> None:
    erasure = Erasure(database, metadata, catalog.CURATION_ERASED, tell_others=farewells.queue)
    bus.on(catalog.USER_ERASURE_REQUESTED, erasure.erase)
