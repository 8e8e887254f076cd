"""Search by likeness: photos that look like one of the user's, or that show what a text says."""

from mizzap_common import hidden
from mizzap_common.contracts import duplicating
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, Unavailable
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.pool import DecodePool

from mizzap_dedup.examine import embed_text
from mizzap_dedup.vectors import Vectors


class Finder:
    """``vectors`` is None without a model; ``has_text`` says whether the model's space has texts in it too."""

    def __init__(
        self,
        database: Database,
        vectors: Vectors | None,
        pool: DecodePool,
        model: duplicating.Model,
        has_text: bool,
    ) -> None:
        self.database = database
        self.vectors = vectors
        self.pool = pool
        self.model = model
        self.has_text = has_text

    async def similar(self, request: duplicating.SearchSimilar) -> duplicating.Ranking:
        """Raises Conflict when the photo has no vector: it is not processed yet, or must not be by its owner's word."""
        vector = await self._vector_of(request)
        if self.vectors is None or vector is None:
            raise Conflict(
                "This photo can't be compared with others: it has not been looked at yet, or there is no consent "
                "or no model to do so.",
                code="NO_EMBEDDING",
                photoId=request.photo_id,
                model=self.model.id,
            )
        away = await self._in_trash(request.user_id)
        found = await self.vectors.nearest(request.user_id, request.photo_id, vector, -1.0, request.limit + len(away))
        return self._ranking(found, away, request.limit)

    async def by_text(self, request: duplicating.SearchByText) -> duplicating.Ranking:
        """Raises Conflict when the model in use knows no texts."""
        if self.vectors is None or not self.has_text:
            raise Conflict(
                "The model in use can't search by text." if self.model.id else "There is no model to search by text.",
                code="TEXT_SEARCH_UNAVAILABLE",
                model=self.model.id,
            )
        try:
            vector = await self.pool.run(embed_text, request.text)
        except ImageError as error:  # the pool's word for a child that was lost twice
            raise Unavailable("The text search does not answer right now. Please try again.") from error
        away = await self._in_trash(request.user_id)
        found = await self.vectors.search(request.user_id, vector.tolist(), request.limit + len(away))
        return self._ranking(found, away, request.limit)

    async def _vector_of(self, request: duplicating.SearchSimilar) -> list[float] | None:
        if self.vectors is None:
            return None
        return (await self.vectors.get(request.user_id, [request.photo_id])).get(request.photo_id)

    async def _in_trash(self, user_id: int) -> set[int]:
        """Their vectors stay for when they come back."""
        async with self.database.begin() as session:
            return await hidden.all_hidden(session, user_id)

    def _ranking(self, found: dict[int, float], away: set[int], limit: int) -> duplicating.Ranking:
        hits = [duplicating.Hit(photo_id=one, score=score) for one, score in found.items() if one not in away]
        return duplicating.Ranking(model_id=self.model.id or "", hits=hits[:limit])
