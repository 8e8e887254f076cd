"""The best moments."""

from fastapi import APIRouter
from mizzap_common.contracts import curating, library, requests
from mizzap_common.contracts.message import Request as Body
from pydantic import Field

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer
from mizzap_gateway.parts import CallerHere, PartsHere

router = APIRouter(prefix="/api/v1/curation", tags=["curation"])


class ChangeMomentsBody(Body):
    """Pins photos into the set, takes photos out for good, or gives the whole order anew."""

    add: list[library.PhotoId] = Field([], max_length=20)
    remove: list[library.PhotoId] = Field([], max_length=100)
    order: list[library.PhotoId] | None = Field(None, max_length=20)


@router.get("/moments", responses=problems.responses(401, 503))
async def get_moments(caller: CallerHere, parts: PartsHere) -> Answer[curating.CuratedSet]:
    """The suggested or confirmed set of best moments."""
    return Answer(data=await parts.bus.ask(requests.CURATION_MOMENTS, library.UserRequest(user_id=caller.user_id)))


@router.post("/moments/confirm", responses=problems.responses(401, 404, 503, NOTHING_TO_CONFIRM=409))
async def confirm_moments(caller: CallerHere, parts: PartsHere) -> Answer[curating.CuratedSet]:
    """The user takes the set as it is."""
    return Answer(data=await parts.bus.ask(requests.CURATION_CONFIRM, library.UserRequest(user_id=caller.user_id)))


@router.put("/moments", responses=problems.responses(400, 401, 404, 503, TOO_MANY_MOMENTS=409))
async def change_moments(body: ChangeMomentsBody, caller: CallerHere, parts: PartsHere) -> Answer[curating.CuratedSet]:
    """The user changes the set. A photo in the trash keeps its pin: when more than 20 pinned photos are there, because
    one has come back, the set has those that were pinned last, and of those pinned at once the later uploads."""
    question = curating.ChangeMoments(user_id=caller.user_id, **body.model_dump())
    return Answer(data=await parts.bus.ask(requests.CURATION_CHANGE, question))
