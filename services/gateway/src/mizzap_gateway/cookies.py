"""Tokens as cookies, for browsers: out of reach of scripts, sent to nobody else, believed from our own pages only."""

from mizzap_common.contracts import accounts
from mizzap_common.errors import InvalidInput
from starlette.responses import Response

# the prefix has browsers insist on Secure, Path=/ and no Domain: no other host can set or see these
ACCESS = "__Host-mizzap_access"
REFRESH = "__Host-mizzap_refresh"


def give(response: Response, session: accounts.Session) -> None:
    """Has the browser keep both tokens, each for as long as it is good for."""
    _set(response, ACCESS, session.access_token, session.expires_in)
    _set(response, REFRESH, session.refresh_token, session.refresh_expires_in)


def clear(response: Response) -> None:
    """With the pictures that the browser keeps: its Back button and its offline mode show them without asking us."""
    for name in (ACCESS, REFRESH):
        _set(response, name, "", 0)
    response.headers["Clear-Site-Data"] = '"cache"'


def _set(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict")


def two_credentials() -> InvalidInput:
    return InvalidInput(
        "The request has a token and a cookie. Send one of them, so that it is clear who is calling.",
        code="TWO_CREDENTIALS",
    )
