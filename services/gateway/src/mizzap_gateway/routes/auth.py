"""Accounts and sessions."""

from fastapi import APIRouter
from mizzap_common.contracts import accounts, requests

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer
from mizzap_gateway.parts import CallerHere, PartsHere

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])
keys_router = APIRouter(tags=["auth"])


@router.post("/register", status_code=201, responses=problems.responses(400, 503, EMAIL_TAKEN=409))
async def register(body: accounts.Register, parts: PartsHere) -> Answer[accounts.Session]:
    """Creates an account and logs it in."""
    return Answer(data=await parts.bus.ask(requests.AUTH_REGISTER, body))


@router.post("/login", responses=problems.responses(400, 503, INVALID_CREDENTIALS=401))
async def login(body: accounts.Login, parts: PartsHere) -> Answer[accounts.Session]:
    """Opens a session. A wrong password and an unknown address are answered alike: INVALID_CREDENTIALS."""
    return Answer(data=await parts.bus.ask(requests.AUTH_LOGIN, body))


@router.post("/refresh", responses=problems.responses(400, 503, INVALID_REFRESH_TOKEN=401))
async def refresh(body: accounts.Refresh, parts: PartsHere) -> Answer[accounts.Session]:
    """Gives new tokens for a refresh token, which counts once. Its reuse ends the whole session."""
    return Answer(data=await parts.bus.ask(requests.AUTH_REFRESH, body))


@router.get("/me", responses=problems.responses(401, 404, 503))
async def me(caller: CallerHere, parts: PartsHere) -> Answer[accounts.User]:
    """The caller's account."""
    return Answer(data=await parts.bus.ask(requests.AUTH_ME, accounts.UserRequest(user_id=caller.user_id)))


@keys_router.get("/.well-known/jwks.json", responses=problems.responses(503))
async def signing_keys(parts: PartsHere) -> accounts.Keys:
    """The public keys that access tokens are signed with (RFC 7517)."""
    return await parts.bus.ask(requests.AUTH_KEYS, accounts.KeysRequest())
