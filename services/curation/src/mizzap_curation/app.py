"""Wiring of the curation service: which parts there are and who hears what."""

from datetime import timedelta

from mizzap_common.imaging.pool import DecodePool
from mizzap_common.sealed import KeyRing
from mizzap_common.service import Service
from starlette.applications import Starlette

from mizzap_curation import erasure, export, rpc
from mizzap_curation.callbacks import Callbacks
from mizzap_curation.consent import Consent
from mizzap_curation.courier import Courier
from mizzap_curation.curator import Curator
from mizzap_curation.events import Handlers
from mizzap_curation.farewells import Farewells
from mizzap_curation.feed import Feed
from mizzap_curation.links import Links
from mizzap_curation.orders import Orders
from mizzap_curation.partners import Partners
from mizzap_curation.service import Curation
from mizzap_curation.settings import CurationSettings


def build(settings: CurationSettings) -> Starlette:
    service = Service("curation", settings)
    pool = DecodePool(
        settings.workers or None,
        timeout=settings.decode_timeout_seconds,
        memory_bytes=settings.decode_memory_bytes,
    )
    curation = Curation(service.database, service.storage, pool, settings)
    Handlers(curation, Consent(service.database)).subscribe(service.bus)
    export.serve(service.bus, service.database, curation)
    partners = Partners(settings)
    farewells = Farewells(service.database, partners, settings)
    erasure.subscribe(service.bus, service.database, farewells)
    links = Links(KeyRing.from_file(settings.key_ring_file), settings.public_url)
    orders = Orders(service.database, service.bus, partners, links, timedelta(days=settings.partner_link_days))
    rpc.serve(service.bus, curation, orders, Callbacks(service.database, partners), Feed(service.database))
    service.on_start(pool.start)
    service.on_stop(pool.close)
    service.on_stop(partners.close)
    service.background(Curator(service.database, service.bus, settings).run)
    service.background(Courier(service.database, partners, links, settings).run)
    service.background(farewells.run)
    service.info["partners"] = sorted(settings.partners)
    service.info["workers"] = pool.workers
    return service.asgi()
