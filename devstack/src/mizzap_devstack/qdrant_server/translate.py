"""From requests to the engine's own objects, and from its answers to JSON."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import qdrant_edge as edge

from mizzap_devstack.qdrant_server import requests


class Unsupported(Exception):
    """The request asks for something that isn't implemented here; the text names it."""


SCHEMAS = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "integer": edge.PayloadSchemaType.Integer,
    "float": edge.PayloadSchemaType.Float,
    "bool": edge.PayloadSchemaType.Bool,
    "datetime": edge.PayloadSchemaType.Datetime,
    "uuid": edge.PayloadSchemaType.Uuid,
}
DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}


def configuration(request: requests.CreateCollection) -> edge.EdgeConfig:
    vectors = request.vectors
    hnsw = request.hnsw_config
    return edge.EdgeConfig(
        vectors={name: _vector_params(params) for name, params in vectors.items()}
        if isinstance(vectors, dict)
        else _vector_params(vectors),
        hnsw_config=edge.HnswIndexConfig(**hnsw.model_dump()) if hnsw else None,
        on_disk_payload=request.on_disk_payload,
    )


def _vector_params(params: requests.VectorParams) -> edge.EdgeVectorParams:
    return edge.EdgeVectorParams(
        size=params.size,
        distance=getattr(edge.Distance, params.distance),
        on_disk=params.on_disk,
        datatype=DATATYPES[params.datatype] if params.datatype else None,
    )


def index_schema(schema: str | requests.KeywordIndexParams) -> edge.PayloadSchemaType | edge.KeywordIndexParams:
    if isinstance(schema, str):
        return SCHEMAS[schema]
    return edge.KeywordIndexParams(is_tenant=schema.is_tenant, on_disk=schema.on_disk)


def points(request: requests.UpsertPoints | requests.UpsertBatch) -> list[edge.Point]:
    if isinstance(request, requests.UpsertPoints):
        return [edge.Point(point.id, cast(Any, point.vector), point.payload) for point in request.points]
    batch = request.batch
    payloads = batch.payloads or [None] * len(batch.ids)
    if isinstance(batch.vectors, dict):
        names = list(batch.vectors)
        vectors: list[Any] = [dict(zip(names, row, strict=True)) for row in zip(*batch.vectors.values(), strict=True)]
    else:
        vectors = list(batch.vectors)
    return [edge.Point(*point) for point in zip(batch.ids, vectors, payloads, strict=True)]


def filtering(request: requests.Filter) -> edge.Filter:
    return edge.Filter(
        must=_conditions(request.must),
        should=_conditions(request.should),
        must_not=_conditions(request.must_not),
    )


def optional_filter(request: requests.Filter | None) -> edge.Filter | None:
    return filtering(request) if request else None


def _conditions(given: list[requests.Condition] | requests.Condition | None) -> list[Any] | None:
    if given is None:
        return None
    return [_condition(condition) for condition in (given if isinstance(given, list) else [given])]


def _condition(condition: requests.Condition) -> Any:
    match condition:
        case requests.FieldCondition():
            return _field_condition(condition)
        case requests.HasId(has_id=ids):
            return edge.HasIdCondition(set(ids))
        case requests.IsEmpty(is_empty=field):
            return edge.IsEmptyCondition(field.key)
        case requests.IsNull(is_null=field):
            return edge.IsNullCondition(field.key)
        case requests.Filter():
            return filtering(condition)


def _field_condition(condition: requests.FieldCondition) -> edge.FieldCondition:
    if (condition.match is None) == (condition.range is None):
        raise Unsupported(f"the condition on {condition.key!r} must have exactly one of match and range")
    if condition.range is not None:
        return edge.FieldCondition(condition.key, range=edge.RangeFloat(**condition.range.model_dump()))
    match condition.match:
        case requests.MatchValue(value=value):
            return edge.FieldCondition(condition.key, match=edge.MatchValue(value))
        case requests.MatchAny(any=values):
            return edge.FieldCondition(condition.key, match=edge.MatchAny(values))
        case requests.MatchExcept(except_=values):
            return edge.FieldCondition(condition.key, match=edge.MatchExcept(values))
    raise AssertionError(condition.match)


def payload_selection(selection: requests.WithPayload) -> Any:
    if not isinstance(selection, requests.PayloadSelector):
        return selection
    if (selection.include is None) == (selection.exclude is None):
        raise Unsupported("with_payload must have exactly one of include and exclude")
    if selection.include is not None:
        return edge.PayloadSelector.Include(selection.include)
    return edge.PayloadSelector.Exclude(selection.exclude or [])


def query(request: requests.Query) -> edge.QueryRequest:
    vector = request.query.nearest if isinstance(request.query, requests.Nearest) else request.query
    return edge.QueryRequest(
        limit=request.limit,
        offset=request.offset,
        query=edge.Query.Nearest(vector, using=request.using),
        filter=optional_filter(request.filter),
        score_threshold=request.score_threshold,
        params=edge.SearchParams(**request.params.model_dump()) if request.params else None,
        with_vector=request.with_vector,
        with_payload=payload_selection(request.with_payload),
    )


def point_id(given: int | str | UUID) -> int | str:
    return given if isinstance(given, int) else str(given)


def record(found: edge.Record | edge.ScoredPoint) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": point_id(found.id)}
    if isinstance(found, edge.ScoredPoint):
        answer |= {"version": found.version, "score": found.score}
    if found.payload is not None:
        answer["payload"] = found.payload
    if found.vector is not None:
        answer["vector"] = found.vector
    return answer
