"""Tickets for the WebSocket."""

from fastapi import APIRouter
from mizzap_common.contracts.message import Message

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer
from mizzap_gateway.parts import CallerHere, PartsHere
from mizzap_gateway.tickets import LIFETIME_SECONDS

router = APIRouter(prefix="/api/v1/ws", tags=["events"])


class Ticket(Message):
    ticket: str
    expires_in: int
    """Seconds."""


@router.post("/ticket", status_code=201, responses=problems.responses(401, 503))
async def create_ticket(caller: CallerHere, parts: PartsHere) -> Answer[Ticket]:
    """Opens one WebSocket at `/ws?ticket={ticket}`, within its seconds.

    With `&cursor={cursor}` of `GET /api/v1/changes` the socket first brings what has changed since, a page a
    message, each of which counts as a request: 1013 `RATE_LIMITED` when there are none left. It says `{"event": "ping"}`
    now and then; a client that hears nothing for a minute should connect again.
    """
    return Answer(data=Ticket(ticket=await parts.tickets.issue(caller), expires_in=LIFETIME_SECONDS))
