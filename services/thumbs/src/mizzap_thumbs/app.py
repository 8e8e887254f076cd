"""Wiring of the thumbs service: which parts there are and who hears what."""

from mizzap_common.imaging.pool import DecodePool
from mizzap_common.service import Service
from starlette.applications import Starlette

from mizzap_thumbs import erasure, events, rpc
from mizzap_thumbs.service import Thumbs
from mizzap_thumbs.settings import ThumbsSettings


def build(settings: ThumbsSettings) -> Starlette:
    service = Service("thumbs", settings)
    pool = DecodePool(
        settings.workers or None, timeout=settings.decode_timeout_seconds, memory_bytes=settings.decode_memory_bytes
    )
    thumbs = Thumbs(service.database, service.storage, pool)
    events.subscribe(service.bus, thumbs)
    erasure.subscribe(service.bus, service.database, service.storage)
    rpc.serve(service.bus, thumbs)
    service.on_start(pool.start)
    service.on_stop(pool.close)
    service.info["workers"] = pool.workers
    return service.asgi()
