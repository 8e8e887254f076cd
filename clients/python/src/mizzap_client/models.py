"""What the client keeps and tells besides what the interface says (`schemas`)."""

from typing import Any, Literal

from pydantic import Field

from mizzap_client import schemas
from mizzap_client.schema import Schema

Lane = Literal["exact", "pixel", "near", "similar"]


class SessionUser(Schema):
    id: int
    email: str


class Session(Schema):
    """A user who is logged in with tokens, as opposed to cookies: what is kept of it on disk."""

    user: SessionUser
    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds that the access token is good for."""

    @classmethod
    def of(cls, answer: schemas.SessionAnswer) -> "Session":
        return cls.model_validate(answer.model_dump())


class Problem(Schema):
    """Why a file was not taken in."""

    code: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)


class Event(Schema):
    """A hint that something happened; may come twice, with the same id."""

    event: str
    id: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
