"""Image vectors in Qdrant: one collection a model, the owner in every filter, and that in this place alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from mizzap_common.delivery import RETRY_DELAYS
from mizzap_common.errors import Unavailable
from mizzap_common.models.bundle import COLLECTION_PREFIX
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

T = TypeVar("T")
_NOT_FOUND, _CONFLICT = 404, 409
log = structlog.get_logger(__name__)

OWNER = "user_id"
"""Payload key; a keyword, because only keywords can mark a tenant."""

PATIENT_DELAYS = (*RETRY_DELAYS, *(300.0,) * 288)
"""What removes vectors must not be given up because their engine was away: it is tried for a day."""


class Collections:
    """The collections of all models, those too that are not in use any more: what a user deletes goes from each.

    ``client`` is None where there is no engine, and so nothing to remove. Raises Unavailable while the engine doesn't
    answer, and qdrant-client's UnexpectedResponse when it refuses.
    """

    def __init__(self, client: AsyncQdrantClient | None) -> None:
        self.client = client

    async def remove(self, user_id: int, photo_id: int) -> None:
        await self._remove(_owned(user_id, [photo_id]))

    async def remove_all(self, user_id: int) -> int:
        """Removes all vectors of an owner. Returns how many there were."""
        return await self._remove(_owned(user_id))

    async def _remove(self, owned: models.Filter) -> int:
        if self.client is None:
            return 0
        listed = (await _answered(self.client.get_collections())).collections
        # the engine may be somebody else's too
        ours = [collection.name for collection in listed if collection.name.startswith(COLLECTION_PREFIX)]
        return sum([await _remove_from(self.client, name, owned) for name in ours])


async def _remove_from(client: AsyncQdrantClient, collection: str, owned: models.Filter) -> int:
    try:
        found = await _answered(client.count(collection, owned, exact=True))
        await _answered(client.delete(collection, models.FilterSelector(filter=owned), wait=True))
    except UnexpectedResponse as error:
        if error.status_code != _NOT_FOUND:
            raise
        return 0  # the collection has gone since it was listed, and everything with it
    return found.count


class Vectors:
    """The vectors of one embedding model. Waits for the engine's disk with every write.

    Raises Unavailable while the engine doesn't answer, and qdrant-client's UnexpectedResponse when it refuses.
    """

    def __init__(self, client: AsyncQdrantClient, collection: str, dimensions: int) -> None:
        self.client = client
        self.collection = collection
        self.dimensions = dimensions

    async def prepare(self) -> None:
        """Makes the collection if there is none. Per-tenant graphs only: nobody searches across owners."""
        if not await self.client.collection_exists(self.collection):
            try:
                await self.client.create_collection(
                    self.collection,
                    vectors_config=models.VectorParams(size=self.dimensions, distance=models.Distance.COSINE),
                    hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
                )
            except UnexpectedResponse as error:
                if error.status_code != _CONFLICT:  # else another replica was quicker
                    raise
        index = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        await self.client.create_payload_index(self.collection, OWNER, index, wait=True)

    async def put(self, user_id: int, photo_id: int, vector: Sequence[float]) -> None:
        point = models.PointStruct(id=photo_id, vector=list(vector), payload={OWNER: str(user_id)})
        await self._ask(lambda: self.client.upsert(self.collection, [point], wait=True))

    async def nearest(
        self, user_id: int, photo_id: int, vector: Sequence[float], least: float, limit: int
    ) -> dict[int, float]:
        """The owner's other photos with at least this cosine, by id."""
        # the photo itself is among them
        found = await self.search(user_id, vector, limit + 1, least)
        return {other: score for other, score in found.items() if other != photo_id}

    async def search(
        self, user_id: int, vector: Sequence[float], limit: int, least: float | None = None
    ) -> dict[int, float]:
        """The owner's photos nearest to a vector with their cosines, by id, the best first."""
        found = await self._ask(
            lambda: self.client.query_points(
                self.collection,
                query=list(vector),
                query_filter=_owned(user_id),
                score_threshold=least,
                limit=limit,
                with_payload=False,
            )
        )
        return {int(point.id): point.score for point in found.points}

    async def get(self, user_id: int, photo_ids: Sequence[int]) -> dict[int, list[float]]:
        """Those of the asked vectors that exist and are this owner's."""
        found, _ = await self._ask(
            lambda: self.client.scroll(
                self.collection,
                scroll_filter=_owned(user_id, photo_ids),
                limit=max(1, len(photo_ids)),
                with_vectors=True,
                with_payload=False,
            )
        )
        return {int(point.id): point.vector for point in found}  # type: ignore[misc]

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await _answered(call())
        except UnexpectedResponse as error:
            if error.status_code != _NOT_FOUND:
                raise
            # the engine lost its disk: what is lost is made again photo by photo, what comes now must not wait
            log.warning("the collection is gone, making it anew", collection=self.collection)
            await self.prepare()
            return await _answered(call())


async def _answered(asked: Awaitable[T]) -> T:
    try:
        return await asked
    except ResponseHandlingException as error:
        raise Unavailable("The vector search does not answer right now. Please try again.") from error


def _owned(user_id: int, photo_ids: Sequence[int] | None = None) -> models.Filter:
    must: list[models.Condition] = [models.FieldCondition(key=OWNER, match=models.MatchValue(value=str(user_id)))]
    if photo_ids is not None:
        must.append(models.HasIdCondition(has_id=list(photo_ids)))
    return models.Filter(must=must)
