"""Requests and answers around consents."""

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from mizzap_common.contracts.events import Purpose
from mizzap_common.contracts.library import UserRequest
from mizzap_common.contracts.message import Message, Request

PolicyVersion = Annotated[str, StringConstraints(min_length=1, max_length=50)]


class GivenConsents(Request):
    """What somebody agrees to when registering, each for itself."""

    ai: bool = False
    marketing: bool = False


class ChangeConsent(UserRequest):
    purpose: Purpose
    granted: bool
    version: PolicyVersion
    """Of the policy that the user was shown."""


class Consent(Message):
    """How the user stands to one purpose."""

    purpose: Purpose
    granted: bool
    version: str | None
    """None, as the time, while the user has never said anything about it."""
    at: datetime | None


class ConsentEntry(Message):
    """Something the user said, once."""

    purpose: Purpose
    granted: bool
    version: str
    at: datetime


class Consents(Message):
    versions: list[str]
    """Of the policy on offer, the newest last."""
    current: list[Consent]
    history: list[ConsentEntry]
    """The newest first, at most 500."""
