"""Search by likeness: by an example photo, or by what a text says."""

from typing import Annotated

from fastapi import APIRouter, Query
from mizzap_common.contracts import duplicating, library, requests
from mizzap_common.contracts.message import Message, Parameters
from pydantic import Field

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer
from mizzap_gateway.parts import CallerHere, Id, Parts, PartsHere

router = APIRouter(prefix="/api/v1", tags=["search"])


class SimilarQuery(Parameters):
    limit: int = Field(20, ge=1, le=100)


class SearchQuery(SimilarQuery):
    text: duplicating.SearchText


class FoundPhoto(Message):
    score: float
    """Cosine, −1 to 1. What is high differs between models, and between photos and texts."""
    photo: library.Photo


class Found(Message):
    model: str
    results: list[FoundPhoto]
    """The best first."""


@router.get("/photos/{photo_id}/similar", responses=problems.responses(400, 401, 404, 503, NO_EMBEDDING=409))
async def list_similar_photos(
    photo_id: Id, query: Annotated[SimilarQuery, Query()], caller: CallerHere, parts: PartsHere
) -> Answer[Found]:
    """The caller's photos that look most like this one. 409 with the code NO_EMBEDDING when it can't be compared."""
    # raises as for any missing photo when it is not there, or not the caller's
    await parts.bus.ask(requests.PHOTOS_GET, library.PhotoRequest(user_id=caller.user_id, photo_id=photo_id))
    question = duplicating.SearchSimilar(user_id=caller.user_id, photo_id=photo_id, limit=query.limit)
    return Answer(data=await _found(parts, caller.user_id, await parts.bus.ask(requests.DEDUP_SIMILAR, question)))


@router.get("/search", responses=problems.responses(400, 401, 503, TEXT_SEARCH_UNAVAILABLE=409))
async def search_photos(query: Annotated[SearchQuery, Query()], caller: CallerHere, parts: PartsHere) -> Answer[Found]:
    """The caller's photos that show what the text says. 409 with the code TEXT_SEARCH_UNAVAILABLE when the model in
    use knows no texts."""
    question = duplicating.SearchByText(user_id=caller.user_id, text=query.text, limit=query.limit)
    return Answer(data=await _found(parts, caller.user_id, await parts.bus.ask(requests.DEDUP_SEARCH_TEXT, question)))


async def _found(parts: Parts, user_id: int, ranking: duplicating.Ranking) -> Found:
    scores = {hit.photo_id: hit.score for hit in ranking.hits}
    asked = library.PhotosRequest(user_id=user_id, photo_ids=list(scores))
    there = await parts.bus.ask(requests.PHOTOS_MANY, asked)
    return Found(
        model=ranking.model_id,
        results=[FoundPhoto(score=scores[photo.id], photo=photo) for photo in there.photos],
    )
