"""The gateway's wiring."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from mizzap_common.contracts import accounts, duplicating, requests
from mizzap_common.contracts.catalog import SESSION_ENDED
from mizzap_common.errors import MizzapError
from mizzap_common.service import Service
from starlette.middleware import Middleware
from starlette.types import Lifespan, Receive, Scope, Send

from mizzap_gateway import edge, openapi, problems, query
from mizzap_gateway.budgets import Budgets, of_user
from mizzap_gateway.callers import Identities
from mizzap_gateway.changes import Changes, since
from mizzap_gateway.counts import Counts
from mizzap_gateway.kept_answers import KeptAnswers
from mizzap_gateway.limits import Limiter
from mizzap_gateway.origins import Origins
from mizzap_gateway.parts import Parts
from mizzap_gateway.remembered import Remembered
from mizzap_gateway.routes import (
    account,
    album_photos,
    album_shares,
    albums,
    audit,
    auth,
    changes,
    consents,
    curation,
    duplicates,
    exports,
    families,
    integrations,
    jobs,
    keeping,
    photos,
    search,
    ws,
)
from mizzap_gateway.routes import sessions as session_routes
from mizzap_gateway.sessions import Sessions
from mizzap_gateway.settings import GatewaySettings
from mizzap_gateway.shared_state import SharedState
from mizzap_gateway.tickets import Tickets
from mizzap_gateway.tokens import Tokens
from mizzap_gateway.uploads import Uploads
from mizzap_gateway.websocket import EVENTS_SHOWN, Sockets

_THREADS_BESIDE_UPLOADS = 32
_MISSED_AT_ONCE = 200
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
    origins = Origins(settings)
    identities = Identities(tokens, sessions, origins)
    state = SharedState(service.bus, settings)
    tickets = Tickets(service.bus, state.declare)

    budgets = Budgets(settings)
    limiter = Limiter(Counts(service.bus, state.declare))

    async def ask_missed(user_id: int, cursor: str) -> Changes:
        # as if it were asked for by `GET /changes`: a socket is no way around the limits
        taken = await limiter.take(budgets.api.requests, of_user(user_id))
        if taken.retry_after:
            raise taken.refusal()
        return await since(service.bus, user_id, cursor, _MISSED_AT_ONCE)

    sockets = Sockets(identities, tickets, sessions, origins, settings, ask_missed)
    answers = Remembered(service.bus, settings.answer_cache_bytes)
    service.on_start(state.prepare)
    service.on_start(answers.start)
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

    kept = KeptAnswers(service.bus, state.declare, settings.claim_seconds)
    app = _Application(lifespan, edge.middlewares(settings, identities, budgets, limiter, kept))
    app.state.parts = Parts(service.bus, answers, service.storage, tokens, sessions, origins, uploads, sockets, tickets)
    for routes in (
        auth, account, session_routes, consents, audit, families, keeping, photos, albums, album_photos, album_shares,
        duplicates, curation, jobs, search, integrations, exports, changes, ws,
    ):  # fmt: skip
        app.include_router(routes.router)
    app.include_router(auth.keys_router)
    app.add_api_websocket_route("/ws", sockets.serve)
    app.router.routes.extend(service.health_routes())
    problems.add_handlers(app)
    return app


class _Application(FastAPI):
    def __init__(self, lifespan: Lifespan[FastAPI], middlewares: list[Middleware]) -> None:
        super().__init__(
            title="MIZZAP",
            version="1",
            description=openapi.DESCRIPTION,
            lifespan=lifespan,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            generate_unique_id_function=_operation_id,
            telemetry={"auto_configure": False},
            middleware=middlewares,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # before FastAPI's own tracing, which is outside of all middlewares
        query.hide(scope)
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            self.openapi_schema = openapi.complete(super().openapi())
        return self.openapi_schema


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
