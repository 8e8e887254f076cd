"""Duplicates: what was found, and what the user makes of it."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from mizzap_common.contracts import duplicating, library, requests
from mizzap_common.contracts.events import DuplicateAction
from mizzap_common.contracts.message import Message
from mizzap_common.contracts.message import Request as Body

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer, ListAnswer, pagination
from mizzap_gateway.parts import CallerHere, Id, PageQuery, PartsHere

router = APIRouter(prefix="/api/v1/duplicates", tags=["duplicates"])


class DuplicatesQuery(PageQuery):
    action: DuplicateAction | None = None


class ActionBody(Body):
    action: DuplicateAction


class PhotoLabel(Message):
    id: int
    file_name: str


class NamedDuplicate(duplicating.Duplicate):
    primary_photo: PhotoLabel | None
    """None when it was deleted just now."""
    duplicate_photo: PhotoLabel | None


class DuplicatesAnswer(ListAnswer[NamedDuplicate]):
    stats: duplicating.DuplicateStats


@router.get("", responses=problems.responses(400, 401, 503))
async def list_duplicates(
    query: Annotated[DuplicatesQuery, Query()], caller: CallerHere, parts: PartsHere
) -> DuplicatesAnswer:
    """Pairs of a suggested keeper and a photo that it could stand for, with the reasons."""
    question = duplicating.ListDuplicates(user_id=caller.user_id, **query.model_dump())
    page, stats = await asyncio.gather(
        parts.bus.ask(requests.DEDUP_LIST, question),
        parts.bus.ask(requests.DEDUP_STATS, library.UserRequest(user_id=caller.user_id)),
    )
    ids = {photo_id for pair in page.duplicates for photo_id in (pair.primary_photo_id, pair.duplicate_photo_id)}
    names = await parts.bus.ask(
        requests.PHOTOS_NAMES, library.PhotosRequest(user_id=caller.user_id, photo_ids=sorted(ids))
    )
    labels = {photo.id: PhotoLabel(id=photo.id, file_name=photo.file_name) for photo in names.photos}
    named = [
        NamedDuplicate(
            **pair.model_dump(),
            primary_photo=labels.get(pair.primary_photo_id),
            duplicate_photo=labels.get(pair.duplicate_photo_id),
        )
        for pair in page.duplicates
    ]
    return DuplicatesAnswer(data=named, pagination=pagination(question, page.total), stats=stats)


@router.get("/groups", responses=problems.responses(400, 401, 503))
async def list_duplicate_groups(
    query: Annotated[PageQuery, Query()], caller: CallerHere, parts: PartsHere
) -> ListAnswer[duplicating.Group]:
    """Keepers, each with all photos that it could stand for."""
    question = duplicating.ListGroups(user_id=caller.user_id, **query.model_dump())
    page = await parts.bus.ask(requests.DEDUP_GROUPS, question)
    return ListAnswer(data=page.groups, pagination=pagination(question, page.total))


@router.get("/stats", responses=problems.responses(401, 503))
async def get_duplicate_stats(caller: CallerHere, parts: PartsHere) -> Answer[duplicating.DuplicateStats]:
    """How much there is to clean up."""
    return Answer(data=await parts.bus.ask(requests.DEDUP_STATS, library.UserRequest(user_id=caller.user_id)))


@router.post("/{duplicate_id}/action", responses=problems.responses(400, 401, 404, 503))
async def act_on_duplicate(
    duplicate_id: Id, body: ActionBody, caller: CallerHere, parts: PartsHere
) -> Answer[duplicating.Duplicate]:
    """The user's decision on a pair. It is kept and never asked again; nothing is deleted."""
    question = duplicating.ActOnDuplicate(user_id=caller.user_id, duplicate_id=duplicate_id, action=body.action)
    return Answer(data=await parts.bus.ask(requests.DEDUP_ACT, question))
