"""Requests and answers of the auth service."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, SecretStr, StringConstraints, field_serializer

from mizzap_common.contracts.consents import GivenConsents
from mizzap_common.contracts.message import Message, Request

TOKEN_ISSUER = "mizzap"
TOKEN_AUDIENCE = "mizzap-app"
"""What access tokens say of themselves (``iss``, ``aud``), and must say to be believed."""

Email = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=255)]


class UserRequest(Request):
    user_id: int


class Credentials(Request):
    email: Email
    password: SecretStr = Field(min_length=1, max_length=1024)

    @field_serializer("password", when_used="json")
    def _reveal(self, value: SecretStr) -> str:
        return value.get_secret_value()


class Login(Credentials):
    pass


class Register(Credentials):
    username: str | None = Field(None, max_length=100)
    full_name: str | None = Field(None, max_length=255)
    country: str = Field("FR", pattern="^[A-Z]{2}$")
    privacy_accepted: bool = False
    consents: GivenConsents = GivenConsents()


class Refresh(Request):
    refresh_token: str = Field(min_length=1, max_length=512)


class KeysRequest(Request):
    pass


class User(Message):
    id: int
    email: str
    username: str | None
    full_name: str | None
    country: str
    privacy_accepted: bool
    created_at: datetime


class Session(Message):
    user: User
    access_token: str
    refresh_token: str
    token_type: str = "Bearer"
    expires_in: int
    """Seconds until the access token expires."""


class Keys(Message):
    keys: list[dict[str, Any]]
    """JSON Web Keys (RFC 7517), public halves only."""
