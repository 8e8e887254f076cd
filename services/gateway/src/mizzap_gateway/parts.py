"""What the routes need: the gateway's parts, and who is calling."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from mizzap_common.bus import Bus
from mizzap_common.contracts.message import Parameters
from mizzap_common.storage import Storage
from pydantic import Field
from starlette.requests import HTTPConnection

from mizzap_gateway import cookies
from mizzap_gateway.callers import caller_of
from mizzap_gateway.origins import Origins
from mizzap_gateway.remembered import Remembered
from mizzap_gateway.sessions import Sessions
from mizzap_gateway.tickets import Tickets
from mizzap_gateway.tokens import Caller, Tokens
from mizzap_gateway.uploads import Uploads
from mizzap_gateway.websocket import Sockets


@dataclass(frozen=True)
class Parts:
    bus: Bus
    answers: Remembered
    storage: Storage
    tokens: Tokens
    sessions: Sessions
    origins: Origins
    uploads: Uploads
    sockets: Sockets
    tickets: Tickets


def _parts(connection: HTTPConnection) -> Parts:
    found: Parts = connection.app.state.parts
    return found


PartsHere = Annotated[Parts, Depends(_parts)]

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The accessToken of a session.")
_cookie = APIKeyCookie(
    name=cookies.ACCESS,
    auto_error=False,
    description="The same as a cookie, for browsers that logged in with `cookies: true`. What changes something then "
    "needs an Origin of the called host's own, or a listed one.",
)


def _caller(
    connection: HTTPConnection,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    __: Annotated[str | None, Depends(_cookie)],
) -> Caller:
    # the schemes are there for the document; who is calling was found out before the request got here
    return caller_of(connection.scope)


CallerHere = Annotated[Caller, Depends(_caller)]
"""The verified caller. The user's id comes from the token and from nowhere else."""

Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


class PageQuery(Parameters):
    """Which page of a list."""

    page: int = Field(1, ge=1, le=1_000_000)
    limit: int = Field(20, ge=1, le=100)
