"""Duplicates: what was found, and what the user makes of it."""

import asyncio
from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from mizzap_common.contracts import duplicating, library, requests
from mizzap_common.contracts.events import DuplicateAction, Lane
from mizzap_common.contracts.message import Message
from mizzap_common.contracts.message import Request as Body
from pydantic import Field, model_validator

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer, ListAnswer, pagination
from mizzap_gateway.parts import CallerHere, Id, PageQuery, Parts, PartsHere

router = APIRouter(prefix="/api/v1/duplicates", tags=["duplicates"])


_NAMES_AT_ONCE = 500


class DuplicatesQuery(PageQuery):
    action: DuplicateAction | None = None
    lane: Lane | None = None


class GroupsQuery(PageQuery):
    """``action``: groups of such pairs alone. ``lane``: groups whose weakest pair is of that lane."""

    action: duplicating.OpenAction | None = None
    lane: Lane | None = None


class ActionBody(Body):
    action: DuplicateAction


class BulkActionBody(Body):
    """Either ``ids`` or ``groupKeeper``."""

    ids: list[library.PhotoId] | None = Field(None, min_length=1, max_length=500)
    group_keeper: duplicating.GroupKeeper | None = None
    action: DuplicateAction

    @model_validator(mode="after")
    def _one_of_both(self) -> "BulkActionBody":
        if (self.ids is None) == (self.group_keeper is None):
            raise ValueError("Name either the pairs by ids or a group by groupKeeper.")
        return self


class PhotoLabel(Message):
    id: int
    file_name: str


class NamedDuplicate(duplicating.Duplicate):
    primary_photo: PhotoLabel | None
    """None when it was deleted just now."""
    duplicate_photo: PhotoLabel | None


class NamedGroup(duplicating.Group):
    photos: list[PhotoLabel]
    """Of the members, in their order; without those deleted just now."""


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
    labels = await _labels(parts, caller.user_id, ids)
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
    query: Annotated[GroupsQuery, Query()], caller: CallerHere, parts: PartsHere
) -> ListAnswer[NamedGroup]:
    """Keepers, each with the photos that it could stand for: all of them up to 500."""
    question = duplicating.ListGroups(user_id=caller.user_id, **query.model_dump())
    page = await parts.bus.ask(requests.DEDUP_GROUPS, question)
    groups = page.groups
    while page.more:
        page = await parts.bus.ask(requests.DEDUP_GROUPS, question.model_copy(update={"skip": len(groups)}))
        groups = [*groups, *page.groups]
    labels = await _labels(parts, caller.user_id, {photo_id for group in groups for photo_id in group.members})
    named = [
        NamedGroup(**group.model_dump(), photos=[labels[member] for member in group.members if member in labels])
        for group in groups
    ]
    return ListAnswer(data=named, pagination=pagination(question, page.total))


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


@router.post("/bulk-action", responses=problems.responses(400, 401, 404, 503))
async def act_on_duplicates(
    body: BulkActionBody, caller: CallerHere, parts: PartsHere
) -> Answer[duplicating.BulkOutcome]:
    """The same decision on many pairs: on all of them or, when one is not there, on none; nothing is deleted."""
    question = duplicating.ActOnDuplicates(user_id=caller.user_id, **body.model_dump())
    return Answer(data=await parts.bus.ask(requests.DEDUP_ACT_ON_MANY, question))


@router.post("/bulk-action/{bulk_action_id}/undo", responses=problems.responses(400, 401, 404, 503, CHANGED_SINCE=409))
async def undo_bulk_action(
    bulk_action_id: UUID, caller: CallerHere, parts: PartsHere
) -> Answer[duplicating.BulkOutcome]:
    """Takes a bulk action back as a whole. 409 when something else was said of one of its pairs since."""
    question = duplicating.UndoBulkAction(user_id=caller.user_id, bulk_action_id=bulk_action_id)
    return Answer(data=await parts.bus.ask(requests.DEDUP_UNDO_BULK, question))


@router.post("/{duplicate_id}/undo", responses=problems.responses(400, 401, 404, 503, NOTHING_TO_UNDO=409))
async def undo_duplicate_action(
    duplicate_id: Id, caller: CallerHere, parts: PartsHere
) -> Answer[duplicating.Duplicate]:
    """Takes the last decision on a pair back: what was said before it counts again. 409 when there is none."""
    question = duplicating.DuplicateRequest(user_id=caller.user_id, duplicate_id=duplicate_id)
    return Answer(data=await parts.bus.ask(requests.DEDUP_UNDO, question))


async def _labels(parts: Parts, user_id: int, photo_ids: Iterable[int]) -> dict[int, PhotoLabel]:
    """Of those photos that are still there."""
    ids = sorted(photo_ids)
    asked = [
        library.PhotosRequest(user_id=user_id, photo_ids=ids[at : at + _NAMES_AT_ONCE])
        for at in range(0, len(ids), _NAMES_AT_ONCE)
    ]
    found = await asyncio.gather(*(parts.bus.ask(requests.PHOTOS_NAMES, question) for question in asked))
    return {photo.id: PhotoLabel(id=photo.id, file_name=photo.file_name) for names in found for photo in names.photos}
