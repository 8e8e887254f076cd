"""The change feed: what an app asks after any absence, and the truth behind the WebSocket's hints."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from mizzap_common import cursors
from mizzap_common.contracts import feed, requests
from mizzap_common.contracts.message import Message
from mizzap_common.contracts.requests import Method
from pydantic import Field

from mizzap_gateway import problems
from mizzap_gateway.parts import CallerHere, PartsHere

router = APIRouter(prefix="/api/v1", tags=["changes"])

FEEDS: tuple[Method[feed.ChangesRequest, feed.ChangesPage], ...] = (
    requests.PHOTOS_CHANGES,
    requests.ALBUMS_CHANGES,
    requests.DEDUP_CHANGES,
    requests.CURATION_CHANGES,
)
"""In this order, so that what others refer to comes before them: an album after its photos."""


class ChangesQuery(Message):
    cursor: cursors.Text | None = None
    """The `cursor` of the answer before; without it, from the beginning."""
    limit: int = Field(100, ge=1, le=200)


class Change(Message):
    kind: str
    """photo, and what else there is a GET of."""
    id: int
    change: Literal["created", "changed", "deleted"]
    """Since the cursor. A reader may hear of a thing again, and of the end of one that it never saw."""
    at: datetime
    data: dict[str, Any] | None
    """The thing as its own GET shows it now; null when it is gone."""


class ChangesAnswer(Message):
    success: Literal[True] = True
    data: list[Change]
    cursor: str
    """Where to go on, whenever that may be."""
    has_more: bool
    """Ask again at once."""


@router.get("/changes", responses=problems.responses(400, 401, 503))
async def list_changes(query: Annotated[ChangesQuery, Query()], caller: CallerHere, parts: PartsHere) -> ChangesAnswer:
    """All of the caller's things that are not as they were at the cursor, each once, the oldest change first.

    Who applies every page in turn and keeps the last cursor has what the server has. A cursor never expires.
    """
    # positions of services that this gateway doesn't know are kept: another replica may know them already
    positions = cursors.read_open(query.cursor) if query.cursor is not None else {}
    found: list[Change] = []
    has_more = False
    for method in FEEDS:
        room = query.limit - len(found)
        if room == 0:
            has_more = True
            break
        question = feed.ChangesRequest(user_id=caller.user_id, after=positions.get(method.service, 0), limit=room)
        page = await parts.bus.ask(method, question)
        found += [Change(**change.model_dump(exclude={"seq"})) for change in page.changes]
        positions = {**positions, method.service: page.last}
        has_more = has_more or page.more
    return ChangesAnswer(data=found, cursor=cursors.write_open(positions), has_more=has_more)
