"""Requests and answers of the auth service."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, SecretStr, StringConstraints

from mizzap_common.contracts.consents import GivenConsents
from mizzap_common.contracts.events import Tier
from mizzap_common.contracts.library import Page
from mizzap_common.contracts.message import Message, Request

TOKEN_ISSUER = "mizzap"
TOKEN_AUDIENCE = "mizzap-app"
"""What access tokens say of themselves (``iss``, ``aud``), and must say to be believed."""


def _text(password: SecretStr) -> SecretStr:
    try:
        password.get_secret_value().encode()
    except UnicodeEncodeError:
        # JSON can name halves of characters, which no message could carry on
        raise ValueError("Input should be a valid string") from None
    return password


Email = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=255)]
Password = Annotated[
    SecretStr,
    Field(min_length=1, max_length=1024),
    AfterValidator(_text),
    PlainSerializer(lambda password: password.get_secret_value(), return_type=str, when_used="json"),
]
Username = Annotated[str, StringConstraints(max_length=100)]
FullName = Annotated[str, StringConstraints(max_length=255)]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
DeviceName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class UserRequest(Request):
    user_id: int


# --- accounts ---------------------------------------------------------------------------------------------------


class Credentials(Request):
    email: Email
    password: Password
    device_name: DeviceName | None = None
    """What the user will know the session by."""


class Login(Credentials):
    pass


class Register(Credentials):
    username: Username | None = None
    full_name: FullName | None = None
    country: Country = "FR"
    privacy_accepted: bool = False
    consents: GivenConsents = GivenConsents()


class UpdateProfile(UserRequest):
    """A field that is left out stays as it is; an empty name takes it away."""

    username: Username | None = None
    full_name: FullName | None = None
    country: Country | None = None


class ChangePassword(UserRequest):
    session_id: RowId
    """The one session that goes on."""
    current_password: Password
    new_password: Password


class User(Message):
    id: int
    email: str
    username: str | None
    full_name: str | None
    country: str
    privacy_accepted: bool
    tier: Tier = "free"
    created_at: datetime


# --- sessions ---------------------------------------------------------------------------------------------------


class Refresh(Request):
    refresh_token: str = Field(min_length=1, max_length=512)


class Session(Message):
    user: User
    access_token: str
    refresh_token: str
    token_type: str = "Bearer"
    expires_in: int
    """Seconds until the access token expires."""
    refresh_expires_in: int
    """Seconds until the refresh token expires, unless it is used before."""


class SessionRequest(UserRequest):
    session_id: RowId


class SessionState(Message):
    alive: bool


class ListSessions(Page):
    session_id: RowId
    """The caller's own."""


class SessionShown(Message):
    id: int
    device_name: str
    created_at: datetime
    last_used_at: datetime
    """Within five minutes."""
    current: bool
    """Whether it is the caller's own."""


class SessionPage(Message):
    sessions: list[SessionShown]
    total: int


class EndedSessions(Message):
    session_ids: list[int]


# --- keys -------------------------------------------------------------------------------------------------------


class KeysRequest(Request):
    pass


class Keys(Message):
    keys: list[dict[str, Any]]
    """JSON Web Keys (RFC 7517), public halves only."""
