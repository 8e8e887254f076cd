"""The requests that are understood, field by field, after Qdrant's OpenAPI document (v1.20)."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

PointId = Annotated[int, Field(ge=0, strict=True)] | UUID
DenseVector = list[float]
Vectors = DenseVector | dict[str, DenseVector]
Payload = dict[str, Any]
# Strict, or a 1 would become true.
Scalar = Annotated[bool, Field(strict=True)] | Annotated[int, Field(strict=True)] | Annotated[str, Field(strict=True)]
Strings = list[Annotated[str, Field(strict=True)]]
Integers = list[Annotated[int, Field(strict=True)]]


class Body(BaseModel):
    """A part of a request; what it doesn't name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VectorParams(Body):
    size: int = Field(gt=0)
    distance: Literal["Cosine", "Euclid", "Dot", "Manhattan"]
    on_disk: bool | None = None
    datatype: Literal["float32", "float16", "uint8"] | None = None


class HnswConfig(Body):
    m: int = 16
    ef_construct: int = 100
    full_scan_threshold: int = 10_000
    max_indexing_threads: int = 0
    on_disk: bool | None = None
    payload_m: int | None = None


class CreateCollection(Body):
    """One shard in one copy is all there is on one machine, so one is all that may be asked for."""

    vectors: VectorParams | dict[str, VectorParams]
    hnsw_config: HnswConfig | None = None
    on_disk_payload: bool | None = None
    shard_number: Literal[1] | None = None
    replication_factor: Literal[1] | None = None
    write_consistency_factor: Literal[1] | None = None


class KeywordIndexParams(Body):
    type: Literal["keyword"]
    is_tenant: bool | None = None
    on_disk: bool | None = None


class CreateIndex(Body):
    field_name: str
    field_schema: Literal["keyword", "integer", "float", "bool", "datetime", "uuid"] | KeywordIndexParams


class MatchValue(Body):
    value: Scalar


class MatchAny(Body):
    any: Strings | Integers


class MatchExcept(Body):
    except_: Strings | Integers = Field(alias="except")


class Range(Body):
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


class FieldCondition(Body):
    """Exactly one of `match` and `range` (Qdrant's client sends one)."""

    key: str
    match: MatchValue | MatchAny | MatchExcept | None = None
    range: Range | None = None


class HasId(Body):
    has_id: list[PointId]


class PayloadField(Body):
    key: str


class IsEmpty(Body):
    is_empty: PayloadField


class IsNull(Body):
    is_null: PayloadField


class Filter(Body):
    must: list[Condition] | Condition | None = None
    should: list[Condition] | Condition | None = None
    must_not: list[Condition] | Condition | None = None


Condition = FieldCondition | HasId | IsEmpty | IsNull | Filter


class Point(Body):
    id: PointId
    vector: Vectors
    payload: Payload | None = None


class Batch(Body):
    ids: list[PointId]
    vectors: list[DenseVector] | dict[str, list[DenseVector]]
    payloads: list[Payload | None] | None = None


class UpsertPoints(Body):
    points: list[Point]


class UpsertBatch(Body):
    batch: Batch


class Selection(Body):
    """Points by id or by filter: exactly one of the two."""

    points: list[PointId] | None = None
    filter: Filter | None = None


class SetPayload(Selection):
    payload: Payload
    key: str | None = None


class PayloadSelector(Body):
    include: list[str] | None = None
    exclude: list[str] | None = None


WithPayload = bool | list[str] | PayloadSelector
WithVector = bool | list[str]


class Nearest(Body):
    nearest: DenseVector


class SearchParams(Body):
    hnsw_ef: int | None = None
    exact: bool = False
    indexed_only: bool = False


class Query(Body):
    query: DenseVector | Nearest
    using: str | None = None
    filter: Filter | None = None
    params: SearchParams | None = None
    score_threshold: float | None = None
    limit: int = Field(default=10, gt=0)
    offset: int = Field(default=0, ge=0)
    with_vector: WithVector = False
    with_payload: WithPayload = False


class QueryBatch(Body):
    searches: list[Query]


class Scroll(Body):
    offset: PointId | None = None
    limit: int = Field(default=10, gt=0)
    filter: Filter | None = None
    with_payload: WithPayload = True
    with_vector: WithVector = False


class Count(Body):
    filter: Filter | None = None
    exact: bool = True


class Retrieve(Body):
    ids: list[PointId]
    with_payload: WithPayload = True
    with_vector: WithVector = False
