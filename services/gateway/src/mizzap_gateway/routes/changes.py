"""The change feed: what an app asks after any absence, and the truth behind the WebSocket's hints."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from mizzap_common import cursors
from mizzap_common.contracts.message import Parameters
from pydantic import Field

from mizzap_gateway import changes, problems
from mizzap_gateway.parts import CallerHere, PartsHere

router = APIRouter(prefix="/api/v1", tags=["changes"])


class ChangesQuery(Parameters):
    cursor: cursors.Text | None = None
    """The `cursor` of the answer before; without it, from the beginning."""
    limit: int = Field(100, ge=1, le=200)


class ChangesAnswer(changes.Changes):
    success: Literal[True] = True


@router.get("/changes", responses=problems.responses(401, 503, INVALID_CURSOR=400))
async def list_changes(query: Annotated[ChangesQuery, Query()], caller: CallerHere, parts: PartsHere) -> ChangesAnswer:
    """All of the caller's things that are not as they were at the cursor, each once, the oldest change first.

    Who applies every page in turn and keeps the last cursor has what the server has. A cursor does not run out; only when
    the server was restored from a backup it is `INVALID_CURSOR`. Then begin without one, read to the end, and take for
    gone what you were not told of.
    """
    page = await changes.since(parts.bus, caller.user_id, query.cursor, query.limit)
    return ChangesAnswer(**page.model_dump())
