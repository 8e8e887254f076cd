"""The dedup service, put together."""

from mizzap_common.contracts import duplicating
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.models.bundle import Bundle, collection_name
from mizzap_common.models.choose import choose_bundle
from mizzap_common.service import Service
from qdrant_client import AsyncQdrantClient
from starlette.applications import Starlette

from mizzap_dedup import erasure, events, export, rpc
from mizzap_dedup.consent import Consent
from mizzap_dedup.decisions import Decisions
from mizzap_dedup.examine import load
from mizzap_dedup.feed import Feed
from mizzap_dedup.finder import Finder
from mizzap_dedup.search import Search
from mizzap_dedup.service import Dedup
from mizzap_dedup.settings import DedupSettings
from mizzap_dedup.spaces import thresholds_of
from mizzap_dedup.vectors import Collections, Vectors


def build(settings: DedupSettings) -> Starlette:
    """Raises SystemExit, with a sentence for the operator, when there is a model and no place for its vectors."""
    service = Service("dedup", settings)
    bundle = choose_bundle(settings.environment, settings.model)
    pool = DecodePool(
        settings.workers or None,
        initializer=load,
        initargs=(bundle,),
        timeout=settings.decode_timeout_seconds,
        memory_bytes=settings.decode_memory_bytes,
    )
    client = _client(service, settings)
    collections, vectors = Collections(client), _vectors(service, client, bundle) if bundle else None
    model = duplicating.Model(id=bundle.id if bundle else None, dimensions=bundle.dimensions if bundle else None)
    thresholds = thresholds_of(bundle.id) if bundle else None
    search = Search(service.database, service.storage, pool, vectors, thresholds)
    dedup = Dedup(service.database, service.storage, pool, search, collections, vectors, model)
    consent = Consent(service.database, collections, has_model=bundle is not None)
    events.subscribe(service.bus, dedup, consent, workers=pool.workers + 1)
    erasure.subscribe(service.bus, service.database, collections)
    export.serve(service.bus, service.database)
    finder = Finder(service.database, vectors, pool, model, has_text=bundle is not None and bundle.has_text)
    rpc.serve(service.bus, dedup, Decisions(service.database), finder, Feed(service.database))
    service.on_start(pool.start)
    service.on_stop(pool.close)
    service.info["model"] = model.model_dump()
    service.info["workers"] = pool.workers
    return service.asgi()


def _client(service: Service, settings: DedupSettings) -> AsyncQdrantClient | None:
    if not settings.qdrant_url:
        return None
    client = AsyncQdrantClient(
        url=settings.qdrant_url,
        api_key=settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None,
        timeout=settings.qdrant_timeout_seconds,
        # asking for the version at start would need the engine before there is anything to ask it
        check_compatibility=False,
    )
    service.on_stop(client.close)
    return client


def _vectors(service: Service, client: AsyncQdrantClient | None, bundle: Bundle) -> Vectors:
    if client is None:
        raise SystemExit(f"The vectors of the model {bundle.id} need a place: set MIZZAP_QDRANT_URL.")
    vectors = Vectors(client, collection_name(bundle), bundle.dimensions)
    service.on_start(vectors.prepare)
    service.checks["vectors"] = lambda: client.collection_exists(vectors.collection)
    return vectors
