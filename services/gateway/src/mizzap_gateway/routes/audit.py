"""The caller's audit log."""

from typing import Annotated

from fastapi import APIRouter, Query
from mizzap_common.contracts import audit, requests

from mizzap_gateway import problems
from mizzap_gateway.answers import ListAnswer, pagination
from mizzap_gateway.parts import CallerHere, PageQuery, PartsHere

router = APIRouter(prefix="/api/v1/auth/audit", tags=["auth"])


@router.get("", responses=problems.responses(400, 401, 503))
async def list_audit(
    query: Annotated[PageQuery, Query()], caller: CallerHere, parts: PartsHere
) -> ListAnswer[audit.AuditEntry]:
    """What happened to the caller's account and files in the last 90 days, the newest first."""
    question = audit.ListAudit(user_id=caller.user_id, **query.model_dump())
    page = await parts.bus.ask(requests.AUTH_AUDIT, question)
    return ListAnswer(data=page.entries, pagination=pagination(question, page.total))
