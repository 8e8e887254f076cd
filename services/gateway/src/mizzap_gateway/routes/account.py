"""Closing the account for good."""

from fastapi import APIRouter, Request, Response
from mizzap_common.contracts import accounts, erasing, requests
from mizzap_common.contracts.message import Request as Body

from mizzap_gateway import cookies, problems
from mizzap_gateway.answers import Answer
from mizzap_gateway.parts import CallerHere, PartsHere
from mizzap_gateway.routes import sessions

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])


class DeleteAccountBody(Body):
    password: accounts.Password


@router.delete("/account", responses=problems.responses(400, 401, 503))
async def delete_account(
    body: DeleteAccountBody, caller: CallerHere, request: Request, response: Response, parts: PartsHere
) -> Answer[erasing.AccountClosed]:
    """Deletes the account and everything in it. There is no way back: sessions end at once, the address is free again,
    photos and all that was made of them are gone by `goneBy` at the latest, usually within two hours.

    `erasureId` is the receipt. A wrong password is answered with 401, INVALID_CREDENTIALS.
    """
    question = erasing.CloseAccount(user_id=caller.user_id, password=body.password)
    closed = await parts.bus.ask(requests.AUTH_CLOSE_ACCOUNT, question)
    sessions.forget(parts, caller.user_id, accounts.EndedSessions(session_ids=closed.session_ids))
    if cookies.ACCESS in request.cookies:
        cookies.clear(response)
    return Answer(data=closed)
