"""Closing an account for good."""

from datetime import datetime

from pydantic import Field

from mizzap_common.contracts.accounts import Password
from mizzap_common.contracts.library import UserRequest
from mizzap_common.contracts.message import Message


class CloseAccount(UserRequest):
    """The password is asked for once more: a borrowed phone must not be enough to delete somebody's photos."""

    password: Password


class AccountClosed(Message):
    """The account is gone from here on; what it had goes within hours, and ``gone_by`` at the latest."""

    erasure_id: str
    """The receipt: what the operator finds this erasure by."""
    requested_at: datetime
    gone_by: datetime
    session_ids: list[int] = Field(default_factory=list)
    """The sessions that have ended with it."""
