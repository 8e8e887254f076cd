"""Wiring of the curation service: which parts there are and who hears what."""

from mizzap_common.imaging.pool import DecodePool
from mizzap_common.service import Service
from starlette.applications import Starlette

from mizzap_curation import erasure, export, rpc
from mizzap_curation.curator import Curator
from mizzap_curation.events import Handlers
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
    Handlers(curation).subscribe(service.bus)
    erasure.subscribe(service.bus, service.database)
    export.serve(service.bus, service.database, curation)
    rpc.serve(service.bus, curation)
    service.on_start(pool.start)
    service.on_stop(pool.close)
    service.background(Curator(service.database, service.bus, settings).run)
    service.info["workers"] = pool.workers
    return service.asgi()
