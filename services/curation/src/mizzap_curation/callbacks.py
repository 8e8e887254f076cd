"""What partners tell about their orders."""

import base64
from typing import Annotated, Any, Literal, cast

from mizzap_common.contracts import ordering
from mizzap_common.contracts.events import OrderStatus
from mizzap_common.contracts.message import Request
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, InvalidInput, NotFound
from mizzap_common.rpc import invalid_input
from pydantic import AwareDatetime, ConfigDict, Field, HttpUrl, UrlConstraints, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_curation import orders_repository
from mizzap_curation.models import OrderRow
from mizzap_curation.orders import tell
from mizzap_curation.partners import Partners

_STAGES = {"placed": 0, "sent": 1, "accepted": 2, "in_progress": 3, "delivered": 4, "rejected": 4, "failed": 4}
"""An order never goes back, in whatever order the callbacks arrive."""


class _Told(Request):
    # partners may say more than we understand
    model_config = ConfigDict(extra="ignore")


class OrderStatusData(_Told):
    order_id: int = Field(ge=1, le=2**63 - 1)
    status: Literal["accepted", "in_progress", "delivered", "rejected", "failed"]
    progress: int | None = Field(None, ge=0, le=100)
    message: str | None = Field(None, max_length=1_000)
    delivery_url: Annotated[HttpUrl, UrlConstraints(max_length=2_000)] | None = None


class OrderStatusMessage(_Told):
    type: Literal["order.status"]
    timestamp: AwareDatetime | None = None
    data: OrderStatusData


class Callbacks:
    def __init__(self, database: Database, partners: Partners) -> None:
        self.database = database
        self.partners = partners

    async def take(self, request: ordering.Callback) -> ordering.CallbackTaken:
        """A repetition changes nothing and gets the same answer.

        Raises Unauthorized for a wrong or old signature, InvalidInput for what is not understood, NotFound for orders
        that this partner has not got.
        """
        body = _bytes(request)
        headers = {
            "webhook-id": request.webhook_id,
            "webhook-timestamp": request.webhook_timestamp,
            "webhook-signature": request.webhook_signature,
        }
        self.partners.verify(request.partner, body, headers)
        try:
            told = OrderStatusMessage.model_validate_json(body).data
        except ValidationError as error:
            raise invalid_input(error) from error
        async with self.database.begin() as session:
            row = await orders_repository.lock_of_partner(session, request.partner, told.order_id)
            if row is None:
                raise NotFound("There is no such order.", orderId=told.order_id)
            if (before := await orders_repository.answered(session, row, request.webhook_id)) is not None:
                return ordering.CallbackTaken.model_validate(before)
            applied = await _apply(session, row, told)
            answer = ordering.CallbackTaken(order_id=row.id, status=cast(OrderStatus, row.status), applied=applied)
            content = answer.model_dump(mode="json", by_alias=True)
            if not await orders_repository.remember_answer(session, row, request.webhook_id, content):
                raise Conflict("This webhook-id was used for another order.", code="WEBHOOK_ID_USED")
        return answer


def _bytes(request: ordering.Callback) -> bytes:
    try:
        return base64.b64decode(request.body, validate=True)
    except ValueError as error:
        raise InvalidInput("body: not base64", field="body") from error


async def _apply(session: AsyncSession, row: OrderRow, told: OrderStatusData) -> bool:
    if row.status not in orders_repository.OPEN or _STAGES[told.status] < _STAGES[row.status]:
        return False
    progress = 100 if told.status == "delivered" else told.progress
    further = progress is not None and progress > (-1 if row.progress is None else row.progress)
    if told.status == row.status and not further:
        return False
    changed: dict[str, Any] = {"status": told.status}
    if further:
        changed["progress"] = progress
    if told.message is not None:
        changed["message"] = told.message
    if told.delivery_url is not None:
        changed["delivery_url"] = str(told.delivery_url)
    if told.status == "failed":
        changed |= {"error_code": "PARTNER_FAILED", "error_message": "The partner could not fulfil the order."}
    await orders_repository.change(session, row, **changed)
    await tell(session, row)
    return True
