"""A user's sessions, one a device: see them, end them."""

from typing import Annotated

from fastapi import APIRouter, Query
from mizzap_common.contracts import accounts, requests

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer, Gone, ListAnswer, pagination
from mizzap_gateway.parts import CallerHere, Id, PageQuery, Parts, PartsHere

router = APIRouter(prefix="/api/v1/auth/sessions", tags=["auth"])


@router.get("", responses=problems.responses(400, 401, 503))
async def list_sessions(
    query: Annotated[PageQuery, Query()], caller: CallerHere, parts: PartsHere
) -> ListAnswer[accounts.SessionShown]:
    """Where the caller is logged in, the last used first."""
    question = accounts.ListSessions(user_id=caller.user_id, session_id=caller.session_id, **query.model_dump())
    page = await parts.bus.ask(requests.AUTH_SESSIONS, question)
    return ListAnswer(data=page.sessions, pagination=pagination(question, page.total))


@router.delete("/{session_id}", responses=problems.responses(400, 401, 404, 503))
async def end_session(session_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[Gone]:
    """Logs one device out."""
    await end(parts, caller.user_id, session_id)
    return Answer(data=Gone(id=session_id))


@router.delete("", responses=problems.responses(401, 503))
async def end_other_sessions(caller: CallerHere, parts: PartsHere) -> Answer[accounts.EndedSessions]:
    """Logs all devices out but the caller's."""
    question = accounts.SessionRequest(user_id=caller.user_id, session_id=caller.session_id)
    ended = await parts.bus.ask(requests.AUTH_END_OTHERS, question)
    forget(parts, caller.user_id, ended)
    return Answer(data=ended)


async def end(parts: Parts, user_id: int, session_id: int) -> None:
    """Raises NotFound."""
    question = accounts.SessionRequest(user_id=user_id, session_id=session_id)
    forget(parts, user_id, await parts.bus.ask(requests.AUTH_END_SESSION, question))


def forget(parts: Parts, user_id: int, ended: accounts.EndedSessions) -> None:
    """Before the answer goes out: the event may come after the user's next request."""
    for session_id in ended.session_ids:
        parts.sessions.end(user_id, session_id)
