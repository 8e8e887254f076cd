"""The gateway's wiring."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute
from mizzap_common.contracts import accounts, duplicating, requests
from mizzap_common.contracts.catalog import SESSION_ENDED
from mizzap_common.errors import MizzapError
from mizzap_common.service import Service
from starlette.middleware import Middleware

from mizzap_gateway import problems
from mizzap_gateway.cookies import Origins
from mizzap_gateway.cors import Cors
from mizzap_gateway.middleware import BodyLimit, SecurityHeaders
from mizzap_gateway.parts import Parts
from mizzap_gateway.routes import (
    albums,
    audit,
    auth,
    changes,
    consents,
    curation,
    duplicates,
    families,
    integrations,
    jobs,
    keeping,
    photos,
    search,
)
from mizzap_gateway.routes import sessions as session_routes
from mizzap_gateway.sessions import Sessions
from mizzap_gateway.settings import GatewaySettings
from mizzap_gateway.tokens import Tokens
from mizzap_gateway.uploads import Uploads
from mizzap_gateway.websocket import EVENTS_SHOWN, Sockets

_STREAMED = "/api/v1/photos/upload"
_LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
_THREADS_BESIDE_UPLOADS = 32
_MODEL_SECONDS = 30.0
_MODEL_UNKNOWN_SECONDS = 2.0


def build(settings: GatewaySettings) -> FastAPI:
    """The gateway's application; nothing is connected before its lifespan begins."""
    service = Service("gateway", settings)

    async def ask_keys() -> accounts.Keys:
        return await service.bus.ask(requests.AUTH_KEYS, accounts.KeysRequest())

    async def ask_session(question: accounts.SessionRequest) -> accounts.SessionState:
        return await service.bus.ask(requests.AUTH_SESSION, question)

    tokens = Tokens(ask_keys, settings)
    sessions = Sessions(ask_session, settings)
    uploads = Uploads(service.storage, service.bus, settings)
    origins = Origins(settings.cors_origins)
    sockets = Sockets(tokens, sessions, origins, settings)
    service.bus.watch(EVENTS_SHOWN, sockets.watch)
    service.bus.watch([SESSION_ENDED], sessions.watch)
    service.background(lambda: _follow_model(service))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # an upload holds a thread for as long as its client takes; the others must not wait for it
        threads = ThreadPoolExecutor(settings.uploads_at_once + _THREADS_BESIDE_UPLOADS, "storage")
        asyncio.get_running_loop().set_default_executor(threads)
        async with service.running():
            yield

    app = _application(settings, lifespan)
    app.state.parts = Parts(service.bus, service.storage, tokens, sessions, origins, uploads, sockets)
    for routes in (
        auth, consents, audit, families, keeping, photos, albums, duplicates, curation, jobs, search, integrations,
        session_routes, changes,
    ):  # fmt: skip
        app.include_router(routes.router)
    app.include_router(auth.keys_router)
    app.add_api_websocket_route("/ws", sockets.serve)
    app.router.routes.extend(service.health_routes())
    problems.add_handlers(app)
    return app


def _application(settings: GatewaySettings, lifespan: object) -> FastAPI:
    return FastAPI(
        title="MIZZAP",
        version="1",
        description="Photos in, duplicates and best moments out. Errors are always "
        '`{"success": false, "error": {"code", "message", "details"}}`.',
        lifespan=lifespan,  # type: ignore[arg-type]
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        telemetry={"auto_configure": False},
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(
                Cors,
                listed=settings.cors_origins,
                others=_LOCALHOST if settings.cors_localhost else None,
                allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "If-None-Match", "traceparent"],
                expose_headers=["ETag", "Retry-After"],
                max_age=3600,
            ),
            Middleware(BodyLimit, limit=settings.max_json_bytes, streamed=_STREAMED),
        ],
    )


def _operation_id(route: APIRoute) -> str:
    return route.name


async def _follow_model(service: Service) -> None:
    """Keeps what /ready says about the embedding model true. Not knowing it makes nobody unready."""
    while True:
        try:
            model = await service.bus.ask(requests.DEDUP_MODEL, duplicating.ModelRequest())
        except MizzapError:
            await asyncio.sleep(_MODEL_UNKNOWN_SECONDS)
            continue
        service.info["model"] = model.model_dump()
        await asyncio.sleep(_MODEL_SECONDS)
