"""What the user agrees to."""

from fastapi import APIRouter
from mizzap_common.contracts import consents, library, requests
from mizzap_common.contracts.events import Purpose
from mizzap_common.contracts.message import Request as Body

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer
from mizzap_gateway.parts import CallerHere, PartsHere

router = APIRouter(prefix="/api/v1/auth/consents", tags=["auth"])


class ConsentBody(Body):
    granted: bool
    version: consents.PolicyVersion
    """Of the policy that the user was shown."""


@router.get("", responses=problems.responses(401, 503))
async def list_consents(caller: CallerHere, parts: PartsHere) -> Answer[consents.Consents]:
    """How the caller stands to each purpose, all that was said about them, and the policy's versions on offer."""
    return Answer(data=await parts.bus.ask(requests.AUTH_CONSENTS, library.UserRequest(user_id=caller.user_id)))


@router.put("/{purpose}", responses=problems.responses(400, 401, 404, 503))
async def change_consent(
    purpose: Purpose, body: ConsentBody, caller: CallerHere, parts: PartsHere
) -> Answer[consents.Consent]:
    """Agrees to a purpose, or takes that back. Without `ai` nothing is computed from pictures' content, and what was is
    removed."""
    question = consents.ChangeConsent(user_id=caller.user_id, purpose=purpose, **body.model_dump())
    return Answer(data=await parts.bus.ask(requests.AUTH_CHANGE_CONSENT, question))
