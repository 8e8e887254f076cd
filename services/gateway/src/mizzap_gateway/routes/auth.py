"""Accounts: registering, logging in and out, the profile and the password."""

from typing import Any

from fastapi import APIRouter
from mizzap_common.contracts import accounts, requests
from mizzap_common.contracts.message import Message
from mizzap_common.contracts.message import Request as Body
from mizzap_common.errors import InvalidInput, Unauthorized
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from mizzap_gateway import cookies, devices, problems
from mizzap_gateway.answers import Answer, Gone
from mizzap_gateway.parts import CallerHere, Parts, PartsHere
from mizzap_gateway.routes import sessions

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])
keys_router = APIRouter(tags=["auth"])


class RegisterBody(accounts.Register):
    cookies: bool = False
    """Whether the tokens come as cookies, for a browser, and not in the body."""


class LoginBody(accounts.Login):
    cookies: bool = False
    """Whether the tokens come as cookies, for a browser, and not in the body."""


class RefreshBody(Body):
    """Empty when the refresh token is in its cookie."""

    refresh_token: str | None = Field(None, min_length=1, max_length=512)


class ProfileBody(Body):
    """A field that is left out stays as it is; an empty name takes it away."""

    username: accounts.Username | None = None
    full_name: accounts.FullName | None = None
    country: accounts.Country | None = None


class PasswordBody(Body):
    current_password: accounts.Password
    new_password: accounts.Password


class SessionAnswer(Message):
    user: accounts.User
    access_token: str | None
    """null when it came as a cookie."""
    refresh_token: str | None
    """null when it came as a cookie."""
    token_type: str
    expires_in: int
    """Seconds until the access token expires."""
    refresh_expires_in: int
    """Seconds until the refresh token expires, unless it is used before."""


@router.post("/register", status_code=201, responses=problems.responses(400, 503, EMAIL_TAKEN=409, ORIGIN_REFUSED=403))
async def register(body: RegisterBody, request: Request, response: Response, parts: PartsHere) -> Answer[SessionAnswer]:
    """Creates an account and logs it in."""
    _check_origin(body, request, parts)
    opened = await parts.bus.ask(requests.AUTH_REGISTER, accounts.Register(**_question(body, request)))
    return _answer(opened, response, body.cookies)


@router.post("/login", responses=problems.responses(400, 503, INVALID_CREDENTIALS=401, ORIGIN_REFUSED=403))
async def login(body: LoginBody, request: Request, response: Response, parts: PartsHere) -> Answer[SessionAnswer]:
    """Opens a session. A wrong password and an unknown address are answered alike: INVALID_CREDENTIALS."""
    _check_origin(body, request, parts)
    opened = await parts.bus.ask(requests.AUTH_LOGIN, accounts.Login(**_question(body, request)))
    return _answer(opened, response, body.cookies)


@router.post(
    "/refresh",
    responses=problems.responses(400, 503, INVALID_REFRESH_TOKEN=401, ORIGIN_REFUSED=403, TWO_CREDENTIALS=400),
)
async def refresh(
    request: Request, response: Response, parts: PartsHere, body: RefreshBody | None = None
) -> Answer[SessionAnswer]:
    """Gives new tokens for a refresh token, of the body or of the cookie, which counts once.

    Its reuse ends the whole session.
    """
    said = body.refresh_token if body else None
    cookie = request.cookies.get(cookies.REFRESH)
    if said is not None and cookie is not None:
        raise cookies.two_credentials()
    if cookie is not None:
        parts.origins.check(request)
    token = said if cookie is None else cookie
    if token is None:
        raise InvalidInput("refreshToken: It is neither in the body nor in a cookie.", field="refreshToken")
    try:
        question = accounts.Refresh(refresh_token=token)
    except ValidationError as error:
        raise Unauthorized("The session has ended. Please log in again.", code="INVALID_REFRESH_TOKEN") from error
    return _answer(await parts.bus.ask(requests.AUTH_REFRESH, question), response, cookie is not None)


@router.post("/logout", responses=problems.responses(401, 404, 503))
async def logout(caller: CallerHere, request: Request, response: Response, parts: PartsHere) -> Answer[Gone]:
    """Ends the caller's session: its tokens, and its cookies, count no more."""
    await sessions.end(parts, caller.user_id, caller.session_id)
    if cookies.ACCESS in request.cookies:
        cookies.clear(response)
    return Answer(data=Gone(id=caller.session_id))


@router.get("/me", responses=problems.responses(401, 404, 503))
async def me(caller: CallerHere, parts: PartsHere) -> Answer[accounts.User]:
    """The caller's account."""
    return Answer(data=await parts.bus.ask(requests.AUTH_ME, accounts.UserRequest(user_id=caller.user_id)))


@router.put("/profile", responses=problems.responses(400, 401, 404, 503))
async def update_profile(body: ProfileBody, caller: CallerHere, parts: PartsHere) -> Answer[accounts.User]:
    """Changes what the account says of its user."""
    question = accounts.UpdateProfile(user_id=caller.user_id, **body.model_dump(exclude_unset=True))
    return Answer(data=await parts.bus.ask(requests.AUTH_UPDATE_PROFILE, question))


@router.post("/password", responses=problems.responses(400, 401, 404, 503, INVALID_CREDENTIALS=401))
async def change_password(body: PasswordBody, caller: CallerHere, parts: PartsHere) -> Answer[accounts.EndedSessions]:
    """Changes the password and ends all other sessions. A wrong current one is refused: INVALID_CREDENTIALS."""
    question = accounts.ChangePassword(user_id=caller.user_id, session_id=caller.session_id, **body.model_dump())
    ended = await parts.bus.ask(requests.AUTH_CHANGE_PASSWORD, question)
    sessions.forget(parts, caller.user_id, ended)
    return Answer(data=ended)


@keys_router.get("/.well-known/jwks.json", responses=problems.responses(503))
async def signing_keys(parts: PartsHere) -> accounts.Keys:
    """The public keys that access tokens are signed with (RFC 7517)."""
    return await parts.bus.ask(requests.AUTH_KEYS, accounts.KeysRequest())


def _check_origin(body: RegisterBody | LoginBody, request: Request, parts: Parts) -> None:
    if body.cookies:
        # else another host's page could log a visitor in as somebody of its own
        parts.origins.check(request)


def _question(body: RegisterBody | LoginBody, request: Request) -> dict[str, Any]:
    device_name = body.device_name or devices.name_of(request.headers.get("user-agent"))
    return {**body.model_dump(exclude={"cookies"}), "device_name": device_name}


def _answer(session: accounts.Session, response: Response, as_cookies: bool) -> Answer[SessionAnswer]:
    fields = session.model_dump()
    if as_cookies:
        cookies.give(response, session)
        fields |= {"access_token": None, "refresh_token": None}
    return Answer(data=SessionAnswer.model_validate(fields))
