"""What the system is doing with the photos, and with which model."""

from typing import Annotated

from fastapi import APIRouter, Query
from mizzap_common.contracts import duplicating, library, requests
from mizzap_common.errors import Unavailable

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer, ListAnswer, pagination
from mizzap_gateway.parts import CallerHere, Id, PageQuery, PartsHere

router = APIRouter(prefix="/api/v1", tags=["jobs"])


class JobsQuery(PageQuery):
    photo_id: library.PhotoId | None = None
    status: library.JobStatus | None = None


@router.get("/jobs", responses=problems.responses(400, 401, 503))
async def list_jobs(
    query: Annotated[JobsQuery, Query()], caller: CallerHere, parts: PartsHere
) -> ListAnswer[library.Job]:
    """The steps of the caller's photos. That one has begun is shown up to a second later."""
    question = library.ListJobs(user_id=caller.user_id, **query.model_dump())
    page = await parts.bus.ask(requests.PHOTOS_JOBS, question)
    return ListAnswer(data=page.jobs, pagination=pagination(question, page.total))


@router.post("/jobs/{job_id}/retry", responses=problems.responses(400, 401, 404, 503, JOB_NOT_FAILED=409))
async def retry_job(job_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[library.Job]:
    """Has a failed step tried again. 409 with the code JOB_NOT_FAILED for one that is done or under way."""
    question = library.JobRequest(user_id=caller.user_id, job_id=job_id)
    return Answer(data=await parts.bus.ask(requests.PHOTOS_RETRY_JOB, question))


class ProgressNow(library.Progress):
    renditions: int | None
    """How many there are of all these photos; None while the thumbs service doesn't answer."""


@router.get("/jobs/progress", responses=problems.responses(401, 503))
async def get_progress(caller: CallerHere, parts: PartsHere) -> Answer[ProgressNow]:
    """How many of the caller's photos are where: what to ask after a socket was away."""
    question = library.UserRequest(user_id=caller.user_id)
    progress = await parts.bus.ask(requests.PHOTOS_PROGRESS, question)
    return Answer(data=ProgressNow(**progress.model_dump(), renditions=await _renditions(question, parts)))


async def _renditions(question: library.UserRequest, parts: PartsHere) -> int | None:
    try:
        return (await parts.bus.ask(requests.THUMBS_COUNT, question)).count
    except Unavailable:
        return None


@router.get("/model", responses=problems.responses(401, 503))
async def get_model(_: CallerHere, parts: PartsHere) -> Answer[duplicating.Model]:
    """The embedding model in use."""
    return Answer(data=await parts.bus.ask(requests.DEDUP_MODEL, duplicating.ModelRequest()))
