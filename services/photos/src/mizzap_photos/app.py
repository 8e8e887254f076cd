"""The photos service, put together."""

import asyncio
from functools import partial

from mizzap_common.imaging.pool import DecodePool, default_workers
from mizzap_common.sealed import KeyRing
from mizzap_common.service import Service
from starlette.applications import Starlette

from mizzap_photos import erasure, export, rpc
from mizzap_photos.batch import Batch
from mizzap_photos.consent import Consent
from mizzap_photos.events import Handlers
from mizzap_photos.following import Feed
from mizzap_photos.listing import Listing
from mizzap_photos.quotas import Quotas
from mizzap_photos.reprocessing import Reprocessing
from mizzap_photos.service import Photos, to_answer
from mizzap_photos.settings import PhotosSettings
from mizzap_photos.starts import Starts
from mizzap_photos.sweeper import Sweeper
from mizzap_photos.towns import towns
from mizzap_photos.trash import Trash


def build(settings: PhotosSettings) -> Starlette:
    service = Service("photos", settings)
    # metadata is read in a millisecond: one child keeps up with everybody else's many
    pool = DecodePool(
        settings.workers or max(1, default_workers() // 4),
        timeout=settings.decode_timeout_seconds,
        memory_bytes=settings.decode_memory_bytes,
    )
    ring = KeyRing.from_file(settings.key_ring_file)
    answer = partial(to_answer, ring)
    quotas = Quotas(service.database, settings)
    photos = Photos(service.database, service.storage, quotas, ring)
    listing, feed = Listing(service.database, ring), Feed(service.database, ring)
    trash = Trash(service.database, settings, answer)
    batch = Batch(service.database, answer, trash.now)
    starts = Starts(service.database, service.bus)
    sweeper = Sweeper(photos, service.database, service.storage, service.bus, settings)
    Handlers(photos, quotas, Consent(photos), service.storage, pool).subscribe(service.bus)
    erasure.subscribe(service.bus, service.database, service.storage)
    export.serve(service.bus, service.database, answer)
    rpc.serve(service.bus, photos, listing, feed, trash, batch, quotas, Reprocessing(service.database))
    service.on_start(pool.start)
    service.on_start(_load_towns)
    service.on_start(starts.listen)
    service.on_stop(pool.close)
    service.background(starts.run)
    service.background(sweeper.run)
    service.background(sweeper.run_orphans)
    service.background(trash.run_purge)
    service.background(quotas.run_recount)
    return service.asgi()


async def _load_towns() -> None:
    # before the first photo comes: it takes a second, and nothing else could be answered meanwhile
    await asyncio.to_thread(towns)
