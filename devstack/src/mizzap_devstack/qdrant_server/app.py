"""The HTTP side: paths, status codes and the shape of answers as Qdrant has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import qdrant_edge as edge
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mizzap_devstack.qdrant_server import requests, translate
from mizzap_devstack.qdrant_server.collections import Collection, Collections, Conflict, NotFound, Rejected
from mizzap_devstack.qdrant_server.translate import Unsupported

# The version of the REST interface that is imitated; qdrant-client warns when it is far from its own.
VERSION = "1.20.0"
# One node applies every write at once and in order, so any ordering, consistency or wait is met.
PARAMETERS = {"wait", "timeout", "ordering", "consistency"}
STATUS = {Unsupported: 501, NotFound: 404, Conflict: 409, Rejected: 400}
PREFIX = {Unsupported: "Not implemented by the embedded Qdrant", NotFound: "Not found"}

Model = TypeVar("Model", bound=BaseModel)
Answer = Callable[[Request], Awaitable[Any]]
UPSERT: TypeAdapter[requests.UpsertPoints | requests.UpsertBatch] = TypeAdapter(
    requests.UpsertPoints | requests.UpsertBatch
)


def create_app(folder: Path) -> Starlette:
    """The ASGI application over the collections in `folder`."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.collections = collections = Collections(folder)
        flushing = asyncio.create_task(collections.flush_regularly())
        yield
        flushing.cancel()
        collections.close()

    handlers = {error: _refuse for error in (*STATUS, ValidationError, HTTPException)}
    return Starlette(routes=_routes(), lifespan=lifespan, exception_handlers=handlers)


def _routes() -> list[Route]:
    one = "/collections/{name}"
    answers: list[tuple[str, str, Answer]] = [
        ("GET", "/collections", list_collections),
        ("GET", one, get_collection),
        ("PUT", one, create_collection),
        ("DELETE", one, delete_collection),
        ("GET", f"{one}/exists", collection_exists),
        ("PUT", f"{one}/index", create_index),
        ("PUT", f"{one}/points", upsert),
        ("POST", f"{one}/points", retrieve),
        ("POST", f"{one}/points/delete", delete_points),
        ("POST", f"{one}/points/payload", set_payload),
        ("POST", f"{one}/points/scroll", scroll),
        ("POST", f"{one}/points/count", count),
        ("POST", f"{one}/points/query", query),
        ("POST", f"{one}/points/query/batch", query_batch),
    ]
    routes = [Route(path, _answered(answer), methods=[method]) for method, path, answer in answers]
    probes = [Route(path, _alive, methods=["GET"]) for path in ("/readyz", "/livez", "/healthz")]
    return [Route("/", _version, methods=["GET"]), *probes, *routes]


def _answered(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        if unknown := set(request.query_params) - PARAMETERS:
            raise Unsupported(f"query parameter {', '.join(sorted(unknown))}")
        result = await answer(request)
        return JSONResponse({"result": result, "status": "ok", "time": time.perf_counter() - started})

    return endpoint


async def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, ValidationError):
        places = {".".join(str(part) for part in problem["loc"]): problem["msg"] for problem in error.errors()}
        named = "; ".join(f"{place}: {message}" for place, message in places.items())
        error = Unsupported(f"the body of {request.method} {request.url.path}: {named}")
    elif isinstance(error, HTTPException):  # no such path, or not with this method
        error = Unsupported(f"{request.method} {request.url.path}")
    kind = type(error)
    text = f"{PREFIX.get(kind, 'Wrong input')}: {error}"
    return JSONResponse({"status": {"error": text}, "time": 0.0}, status_code=STATUS[kind])


async def _version(request: Request) -> Response:
    return JSONResponse({"title": "qdrant - vector search engine", "version": VERSION})


async def _alive(request: Request) -> Response:
    return PlainTextResponse("all shards are ready")


def _collection(request: Request) -> Collection:
    collections: Collections = request.app.state.collections
    return collections.get(request.path_params["name"])


async def _body(request: Request, model: type[Model]) -> Model:
    return model.model_validate_json(await request.body())


def _selection(given: requests.Selection) -> list[Any] | edge.Filter:
    if (given.points is None) == (given.filter is None):
        raise Unsupported("a selection must have exactly one of points and filter")
    return translate.filtering(given.filter) if given.filter else list(given.points or [])


async def list_collections(request: Request) -> dict[str, Any]:
    return {"collections": [{"name": name} for name in request.app.state.collections.names()]}


async def get_collection(request: Request) -> dict[str, Any]:
    return _collection(request).describe()


async def collection_exists(request: Request) -> dict[str, bool]:
    return {"exists": request.path_params["name"] in request.app.state.collections.names()}


async def create_collection(request: Request) -> bool:
    body = await _body(request, requests.CreateCollection)
    request.app.state.collections.create(request.path_params["name"], body)
    return True


async def delete_collection(request: Request) -> bool:
    return bool(request.app.state.collections.delete(request.path_params["name"]))


async def create_index(request: Request) -> dict[str, Any]:
    body = await _body(request, requests.CreateIndex)
    schema = translate.index_schema(body.field_schema)
    return await _collection(request).update(edge.UpdateOperation.create_field_index(body.field_name, schema))


async def upsert(request: Request) -> dict[str, Any]:
    points = translate.points(UPSERT.validate_json(await request.body()))
    return await _collection(request).update(edge.UpdateOperation.upsert_points(points))


async def delete_points(request: Request) -> dict[str, Any]:
    selected = _selection(await _body(request, requests.Selection))
    if isinstance(selected, list):
        return await _collection(request).update(edge.UpdateOperation.delete_points(selected))
    return await _collection(request).update(edge.UpdateOperation.delete_points_by_filter(selected))


async def set_payload(request: Request) -> dict[str, Any]:
    body = await _body(request, requests.SetPayload)
    selected = _selection(body)
    if isinstance(selected, list):
        operation = edge.UpdateOperation.set_payload(selected, body.payload, body.key)
    else:
        operation = edge.UpdateOperation.set_payload_by_filter(selected, body.payload, body.key)
    return await _collection(request).update(operation)


async def retrieve(request: Request) -> list[dict[str, Any]]:
    body = await _body(request, requests.Retrieve)
    payload = translate.payload_selection(body.with_payload)
    found = _collection(request).read(lambda shard: shard.retrieve(list(body.ids), payload, body.with_vector))
    return [translate.record(point) for point in found]


async def scroll(request: Request) -> dict[str, Any]:
    body = await _body(request, requests.Scroll)
    asked = edge.ScrollRequest(
        offset=body.offset,
        limit=body.limit,
        filter=translate.optional_filter(body.filter),
        with_payload=translate.payload_selection(body.with_payload),
        with_vector=body.with_vector,
    )
    found, following = _collection(request).read(lambda shard: shard.scroll(asked))
    return {
        "points": [translate.record(point) for point in found],
        "next_page_offset": None if following is None else translate.point_id(following),
    }


async def count(request: Request) -> dict[str, int]:
    body = await _body(request, requests.Count)
    asked = edge.CountRequest(exact=body.exact, filter=translate.optional_filter(body.filter))
    return {"count": _collection(request).read(lambda shard: shard.count(asked))}


async def query(request: Request) -> dict[str, Any]:
    asked = translate.query(await _body(request, requests.Query))
    found = _collection(request).read(lambda shard: shard.query(asked))
    return {"points": [translate.record(point) for point in found]}


async def query_batch(request: Request) -> list[dict[str, Any]]:
    body = await _body(request, requests.QueryBatch)
    asked = edge.QueryBatchRequest([translate.query(search) for search in body.searches])
    found = _collection(request).read(lambda shard: shard.query_batch(asked))
    return [{"points": [translate.record(point) for point in points]} for points in found]
