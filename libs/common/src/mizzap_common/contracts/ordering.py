"""Requests and answers around the orders that go to the partners, MEMOPYK (films) and photALL (retouching)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mizzap_common.contracts.events import OrderStatus
from mizzap_common.contracts.library import Page, PhotoId, UserRequest
from mizzap_common.contracts.message import Message, Request

Partner = Literal["memopyk", "photall"]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Instructions = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5_000)]
Music = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
RetouchStyle = Literal["natural", "vivid", "portrait", "black_and_white", "restoration"]
PhotoIds = Annotated[list[PhotoId], Field(min_length=1, max_length=200)]

MAX_CALLBACK_BYTES = 65_536


# --- what users ask ---------------------------------------------------------------------------------------------


class PlaceOrder(UserRequest):
    """``photo_ids`` None takes the confirmed set of best moments.

    ``partner_consent`` is the user's explicit consent to hand these photos to this partner; without it there is
    no order.
    """

    photo_ids: PhotoIds | None = None
    partner_consent: bool = False


class OrderFilm(PlaceOrder):
    title: Title
    music: Music | None = None
    seconds: int = Field(60, ge=10, le=600)


class OrderRetouch(PlaceOrder):
    instructions: Instructions
    style: RetouchStyle = "natural"


class OrderRequest(UserRequest):
    order_id: PhotoId


class ListOrders(Page):
    skip: int = Field(0, ge=0, le=100)
    """So many of the page the asker has already."""


class PartnerConsent(Message):
    version: str
    """Of the terms that were agreed to."""
    given_at: datetime
    withdrawn_at: datetime | None
    """Since then the partner has no access to the photos."""


class OrderProblem(Message):
    code: str
    message: str


class Order(Message):
    id: int
    partner: Partner
    status: OrderStatus
    title: str | None
    music: str | None
    seconds: int | None
    instructions: str | None
    style: RetouchStyle | None
    photo_ids: list[int]
    """In the order to show them; those deleted or moved to the trash since are not among them."""
    progress: int | None
    """Percent, where the partner tells it."""
    message: str | None
    """The partner's last word about it."""
    delivery_url: str | None
    """Where the partner has put what was ordered."""
    error: OrderProblem | None
    """Why it failed."""
    partner_consent: PartnerConsent
    links_expire_at: datetime
    """Until then, and while the order is open, the partner can fetch the photos."""
    created_at: datetime
    updated_at: datetime


class PartnerStatus(Message):
    partner: Partner
    enabled: bool
    """Whether orders can be placed on this installation."""
    open_orders: int
    """Of this user's."""
    delivered_orders: int


class Integrations(Message):
    partners: list[PartnerStatus]
    orders: list[Order]
    """The newest first."""
    total: int
    more: bool = False
    """The page has more than fits into one answer: ask again for what is behind these."""


# --- what partners ask ------------------------------------------------------------------------------------------


class Callback(Request):
    """A partner's signed request as it came in; ``body`` is the base64 of its bytes, which are what was signed."""

    partner: Partner
    webhook_id: str = Field(max_length=200)
    webhook_timestamp: str = Field(max_length=50)
    webhook_signature: str = Field(max_length=2_000)
    body: str = Field(max_length=4 * MAX_CALLBACK_BYTES)


class CallbackTaken(Message):
    order_id: int
    status: OrderStatus
    """Of the order, after this."""
    applied: bool
    """False when it came too late to change anything: the order was further, or closed."""


class SharedFileRequest(Request):
    token: str = Field(max_length=200)


class SharedFile(Message):
    """Whose photo a link leads to."""

    user_id: int
    photo_id: int
