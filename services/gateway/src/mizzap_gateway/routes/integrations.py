"""Orders for the partners, MEMOPYK (films) and photALL (retouching), and what the partners themselves may do."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from mizzap_common.contracts import library, ordering, requests
from mizzap_common.contracts.message import Message
from mizzap_common.contracts.message import Request as Body
from mizzap_common.errors import TooLarge
from pydantic import Field

from mizzap_gateway import files, problems
from mizzap_gateway.answers import Answer, Pagination, pagination
from mizzap_gateway.parts import CallerHere, Id, PageQuery, PartsHere

router = APIRouter(prefix="/api/v1/integrations", tags=["integrations"])

_ORDERING = problems.responses(
    400, 401, 404, 503, PARTNER_CONSENT_REQUIRED=400, PARTNER_NOT_ENABLED=409, MOMENTS_NOT_CONFIRMED=409
)
_FILE_CACHE = "private, no-store"
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_SIGNED = {
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": meaning}
        for name, meaning in (
            ("webhook-id", "Of this message; the same again is a repetition"),
            ("webhook-timestamp", "Seconds since 1970, five minutes off at most"),
            ("webhook-signature", "Standard Webhooks: v1,{base64 of HMAC-SHA256 over id.timestamp.body}"),
        )
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "data"],
                    "properties": {
                        "type": {"const": "order.status"},
                        "timestamp": {"type": "string", "format": "date-time"},
                        "data": {
                            "type": "object",
                            "required": ["orderId", "status"],
                            "properties": {
                                "orderId": {"type": "integer"},
                                "status": {"enum": ["accepted", "in_progress", "delivered", "rejected", "failed"]},
                                "progress": {"type": "integer", "minimum": 0, "maximum": 100},
                                "message": {"type": "string", "maxLength": 1000},
                                "deliveryUrl": {"type": "string", "format": "uri"},
                            },
                        },
                    },
                }
            }
        },
    },
}


class OrderBody(Body):
    """``photoIds`` left out takes the confirmed set of best moments. ``partnerConsent`` must be true: the user agrees
    that these photos are handed to this partner."""

    photo_ids: ordering.PhotoIds | None = None
    partner_consent: bool = False


class FilmBody(OrderBody):
    title: ordering.Title
    music: ordering.Music | None = None
    seconds: int = Field(60, ge=10, le=600)


class RetouchBody(OrderBody):
    instructions: ordering.Instructions
    style: ordering.RetouchStyle = "natural"


class IntegrationStatus(Message):
    partners: list[ordering.PartnerStatus]
    orders: list[ordering.Order]
    """The newest first."""


class StatusAnswer(Answer[IntegrationStatus]):
    pagination: Pagination


@router.post("/memopyk/create-film", status_code=201, responses=_ORDERING)
async def create_film(body: FilmBody, caller: CallerHere, parts: PartsHere) -> Answer[ordering.Order]:
    """Orders a film of these photos from MEMOPYK. It is sent in the background; the order tells how far it is."""
    question = ordering.OrderFilm(user_id=caller.user_id, **body.model_dump())
    return Answer(data=await parts.bus.ask(requests.CURATION_ORDER_FILM, question))


@router.post("/photall/send-for-retouch", status_code=201, responses=_ORDERING)
async def send_for_retouch(body: RetouchBody, caller: CallerHere, parts: PartsHere) -> Answer[ordering.Order]:
    """Orders these photos to be retouched by photALL. It is sent in the background; the order tells how far it is."""
    question = ordering.OrderRetouch(user_id=caller.user_id, **body.model_dump())
    return Answer(data=await parts.bus.ask(requests.CURATION_ORDER_RETOUCH, question))


@router.get("/status", responses=problems.responses(400, 401, 503))
async def get_integration_status(
    query: Annotated[PageQuery, Query()], caller: CallerHere, parts: PartsHere
) -> StatusAnswer:
    """Which partners there are, and the caller's orders."""
    question = ordering.ListOrders(user_id=caller.user_id, **query.model_dump())
    found = await parts.bus.ask(requests.CURATION_INTEGRATIONS, question)
    orders = found.orders
    while found.more:
        found = await parts.bus.ask(requests.CURATION_INTEGRATIONS, question.model_copy(update={"skip": len(orders)}))
        orders = [*orders, *found.orders]
    status = IntegrationStatus(partners=found.partners, orders=orders)
    return StatusAnswer(data=status, pagination=pagination(question, found.total))


@router.get("/orders/{order_id}", responses=problems.responses(400, 401, 404, 503))
async def get_order(order_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[ordering.Order]:
    """One order."""
    question = ordering.OrderRequest(user_id=caller.user_id, order_id=order_id)
    return Answer(data=await parts.bus.ask(requests.CURATION_ORDER, question))


@router.post("/orders/{order_id}/cancel", responses=problems.responses(400, 401, 404, 503, ORDER_CLOSED=409))
async def cancel_order(order_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[ordering.Order]:
    """Cancels an open order and withdraws the consent: the partner's access to the photos ends at once."""
    question = ordering.OrderRequest(user_id=caller.user_id, order_id=order_id)
    return Answer(data=await parts.bus.ask(requests.CURATION_CANCEL_ORDER, question))


@router.post(
    "/{partner}/callback",
    openapi_extra=_SIGNED,
    responses=problems.responses(400, 404, 413, 503, SIGNATURE_INVALID=401, WEBHOOK_ID_USED=409),
)
async def take_callback(
    partner: ordering.Partner, request: Request, parts: PartsHere
) -> Answer[ordering.CallbackTaken]:
    """A partner tells how far an order is, in a request signed as Standard Webhooks say. No access token."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > ordering.MAX_CALLBACK_BYTES:
            raise TooLarge(f"The body can have at most {ordering.MAX_CALLBACK_BYTES} bytes.")
    question = ordering.Callback(
        partner=partner,
        webhook_id=_header(request, "webhook-id", 200),
        webhook_timestamp=_header(request, "webhook-timestamp", 50),
        webhook_signature=_header(request, "webhook-signature", 2_000),
        body=base64.b64encode(body).decode(),
    )
    return Answer(data=await parts.bus.ask(requests.CURATION_CALLBACK, question))


def _header(request: Request, name: str, most: int) -> str:
    """Empty where it is missing or can't be one, which no signature fits."""
    value = request.headers.get(name, "")
    return value if value.isascii() and value.isprintable() and len(value) <= most else ""


@router.get(
    "/files/{token}",
    response_class=Response,
    responses={**problems.responses(400, 404, 503), 200: {"content": {"image/*": _BINARY}}},
)
async def get_shared_file(token: str, request: Request, parts: PartsHere) -> Response:
    """A photo of an open order, for its partner: the original, by a link that expires. No access token."""
    if not (token.isascii() and token.isprintable()):
        token = ""
    shared = await parts.bus.ask(requests.CURATION_SHARED_FILE, ordering.SharedFileRequest(token=token[:200]))
    question = library.PhotoRequest(user_id=shared.user_id, photo_id=shared.photo_id)
    found = await parts.bus.ask(requests.PHOTOS_ORIGINAL, question)
    return await files.send(request, parts.storage, found, _FILE_CACHE)
