"""The embedded Qdrant, seen by the unmodified client that the services use."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
from mizzap_devstack.testing import TestServers
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as qdrant
from qdrant_client.http.exceptions import UnexpectedResponse

OURS = qdrant.Filter(must=[qdrant.FieldCondition(key="user_id", match=qdrant.MatchValue(value="1"))])
TENANT = qdrant.KeywordIndexParams(type=qdrant.KeywordIndexType.KEYWORD, is_tenant=True)


@pytest.fixture
async def client(qdrant_url: str) -> AsyncIterator[AsyncQdrantClient]:
    connected = AsyncQdrantClient(url=qdrant_url)
    yield connected
    await connected.close()


@pytest.fixture
async def collection(client: AsyncQdrantClient) -> AsyncIterator[str]:
    """Four photos of user 1 and one of user 2, in the multi-tenant layout that dedup uses."""
    name = f"photos-{uuid4().hex[:8]}"
    await client.create_collection(
        name,
        vectors_config=qdrant.VectorParams(size=4, distance=qdrant.Distance.COSINE),
        hnsw_config=qdrant.HnswConfigDiff(m=0, payload_m=16),
    )
    await client.create_payload_index(name, "user_id", TENANT)
    vectors = [[1.0, 0, 0, 0], [0.9, 0.1, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [1.0, 0, 0, 0]]
    points = [
        qdrant.PointStruct(
            id=number, vector=vector, payload={"user_id": "2" if number == 5 else "1", "year": 2020 + number}
        )
        for number, vector in enumerate(vectors, start=1)
    ]
    await client.upsert(name, points, wait=True)
    yield name
    await client.delete_collection(name)


async def test_collections_come_and_go(client: AsyncQdrantClient, collection: str) -> None:
    assert await client.collection_exists(collection)
    assert not await client.collection_exists("none")
    assert collection in [found.name for found in (await client.get_collections()).collections]
    info = await client.get_collection(collection)
    assert info.points_count == 5
    assert info.config.params.vectors == qdrant.VectorParams(size=4, distance=qdrant.Distance.COSINE)
    assert info.payload_schema["user_id"].params == TENANT
    with pytest.raises(UnexpectedResponse) as conflict:
        await client.create_collection(
            collection, vectors_config=qdrant.VectorParams(size=4, distance=qdrant.Distance.DOT)
        )
    assert conflict.value.status_code == 409
    with pytest.raises(UnexpectedResponse) as missing:
        await client.count("none")
    assert missing.value.status_code == 404


async def test_query_keeps_to_the_filter_the_threshold_and_the_limit(
    client: AsyncQdrantClient, collection: str
) -> None:
    answer = await client.query_points(
        collection, query=[1.0, 0, 0, 0], query_filter=OURS, score_threshold=0.5, with_payload=True, with_vectors=True
    )
    assert [point.id for point in answer.points] == [1, 2]  # point 5 is as near, and another user's
    assert answer.points[0].score == pytest.approx(1.0)
    assert answer.points[0].payload == {"user_id": "1", "year": 2021}
    assert answer.points[0].vector == pytest.approx([1.0, 0, 0, 0])
    bare = await client.query_points(collection, query=[1.0, 0, 0, 0], query_filter=OURS, limit=1, with_payload=False)
    assert [(point.id, point.payload, point.vector) for point in bare.points] == [(1, None, None)]


async def test_several_queries_in_one_request(client: AsyncQdrantClient, collection: str) -> None:
    queries = [qdrant.QueryRequest(query=vector, filter=OURS, limit=1) for vector in ([1.0, 0, 0, 0], [0, 0, 1.0, 0])]
    answers = await client.query_batch_points(collection, queries)
    assert [answer.points[0].id for answer in answers] == [1, 4]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (qdrant.FieldCondition(key="year", match=qdrant.MatchAny(any=[2022, 2023])), [2, 3]),
        (qdrant.FieldCondition(key="year", match=qdrant.MatchExcept(**{"except": [2022]})), [1, 3, 4]),
        (qdrant.FieldCondition(key="year", range=qdrant.Range(gte=2023)), [3, 4]),
        (qdrant.HasIdCondition(has_id=[1, 4, 5]), [1, 4]),
        (qdrant.IsEmptyCondition(is_empty=qdrant.PayloadField(key="place")), [1, 2, 3, 4]),
        (qdrant.Filter(should=[qdrant.HasIdCondition(has_id=[1])], must_not=[]), [1]),
    ],
)
async def test_conditions(
    client: AsyncQdrantClient, collection: str, condition: qdrant.Condition, expected: list[int]
) -> None:
    both = qdrant.Filter(must=[*OURS.must, condition])  # type: ignore[misc]
    found, _ = await client.scroll(collection, both)
    assert [record.id for record in found] == expected
    assert (await client.count(collection, both)).count == len(expected)


async def test_scroll_goes_through_all_pages(client: AsyncQdrantClient, collection: str) -> None:
    first, offset = await client.scroll(collection, OURS, limit=3)
    rest, end = await client.scroll(collection, OURS, limit=3, offset=offset)
    assert [record.id for record in first + rest] == [1, 2, 3, 4]
    assert end is None


async def test_points_are_changed_and_deleted(client: AsyncQdrantClient, collection: str) -> None:
    await client.set_payload(collection, {"place": "Athens"}, points=[1, 2])
    records = await client.retrieve(collection, [1, 3, 999], with_vectors=True)
    assert {record.id: record.payload for record in records} == {
        1: {"user_id": "1", "year": 2021, "place": "Athens"},
        3: {"user_id": "1", "year": 2023},
    }
    await client.upsert(collection, [qdrant.PointStruct(id=1, vector=[0, 0, 0, 1.0], payload={"user_id": "1"})])
    assert (await client.retrieve(collection, [1]))[0].payload == {"user_id": "1"}
    await client.delete(collection, qdrant.PointIdsList(points=[1]))
    assert (await client.count(collection, OURS)).count == 3
    await client.delete(collection, qdrant.FilterSelector(filter=OURS))
    assert (await client.count(collection)).count == 1


async def test_ids_may_be_uuids_and_points_come_in_batches(client: AsyncQdrantClient, collection: str) -> None:
    ids: list[int | str | UUID] = [str(uuid4()), str(uuid4())]
    batch = qdrant.Batch(ids=ids, vectors=[[0, 0, 0, 1.0], [0, 0, 0, 0.5]], payloads=[{"user_id": "3"}] * 2)
    await client.upsert(collection, batch)
    assert {record.id for record in await client.retrieve(collection, ids)} == set(ids)


async def test_a_wrong_vector_is_the_callers_error(client: AsyncQdrantClient, collection: str) -> None:
    with pytest.raises(UnexpectedResponse, match="expected dim: 4, got 2") as wrong:
        await client.upsert(collection, [qdrant.PointStruct(id=9, vector=[1.0, 2.0])])
    assert wrong.value.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("POST", "/collections/x/snapshots", {}, "/collections/x/snapshots"),
        ("PATCH", "/collections/x", {}, "PATCH"),
        ("POST", "/collections/x/points/scroll", {"order_by": "year"}, "order_by"),
        ("POST", "/collections/x/points/query", {"query": {"fusion": "rrf"}}, "query"),
        ("POST", "/collections/x/points/query", {"query": [1.0], "lookup_from": {"collection": "y"}}, "lookup_from"),
        ("POST", "/collections/x/points/count", {"filter": {"min_should": {}}}, "min_should"),
        (
            "POST",
            "/collections/x/points/count",
            {"filter": {"must": [{"key": "a", "match": {"text": "b"}}]}},
            "filter.must",
        ),
        ("POST", "/collections/x/points/count", {"filter": {"must": [{"key": "a"}]}}, "exactly one of match and range"),
        ("POST", "/collections/x/points/delete", {}, "exactly one of points and filter"),
        ("POST", "/collections/x/points/count?shard=1", {}, "query parameter shard"),
        ("PUT", "/collections/y", {"vectors": {"size": 4, "distance": "Dot"}, "shard_number": 3}, "shard_number"),
        ("PUT", "/collections/..%2Fy", {"vectors": {"size": 4, "distance": "Dot"}}, "/collections/"),
    ],
)
async def test_what_is_not_implemented_is_refused_by_name(
    qdrant_url: str, method: str, path: str, body: dict[str, object], named: str
) -> None:
    async with httpx.AsyncClient(base_url=qdrant_url) as http:
        answer = await http.request(method, path, json=body)
    assert answer.status_code == 501
    assert named in answer.json()["status"]["error"]


async def test_nothing_acknowledged_is_lost_by_kill_9(servers: TestServers, client: AsyncQdrantClient) -> None:
    name = f"kill-{uuid4().hex[:8]}"
    await client.create_collection(name, vectors_config=qdrant.VectorParams(size=64, distance=qdrant.Distance.COSINE))
    acknowledged: list[int] = []
    enough = asyncio.Event()

    async def upsert(numbers: range) -> None:
        for number in numbers:
            vector = [random.random() for _ in range(64)]
            await client.upsert(name, [qdrant.PointStruct(id=number, vector=vector)], wait=True)
            acknowledged.append(number)
            if len(acknowledged) == 50:
                enough.set()

    writers = [asyncio.create_task(upsert(range(start, start + 10_000))) for start in range(0, 80_000, 10_000)]
    await enough.wait()
    servers.kill("qdrant")
    results = await asyncio.gather(*writers, return_exceptions=True)
    assert all(isinstance(result, Exception) for result in results), "the kill came too late to prove anything"
    servers.restart("qdrant")
    found = await client.retrieve(name, acknowledged, with_payload=False)
    assert {record.id for record in found} == set(acknowledged)
    await client.delete_collection(name)
