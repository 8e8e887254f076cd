"""What a request may need until it has its answer, step by step, for whoever sends, sleeps and refreshes.

The generators here do none of it themselves: both clients take their steps, one awaiting, the other blocking.
"""

import random
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

import httpx

from mizzap_client import errors
from mizzap_client.models import Session

_PASSING = {429, 502, 503, 504}
"""Statuses that say "not now": the same request may work later."""
_LIMITED = 429
_ASK_AGAIN = {"UPLOAD_AGAIN", "IDEMPOTENCY_IN_FLIGHT"}
"""Codes of refusals (409) after which the same request may work: its bytes got lost, or its first try goes on."""
_NO_LINE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
"""Nobody was there: no line that could have broken."""
_KEY = "Idempotency-Key"
_LONGEST_WAIT = 3600.0


class Body(Protocol):
    """A body that is read while it is sent, and anew for each try."""

    def __iter__(self) -> Iterator[bytes]: ...
    def __aiter__(self) -> Any: ...


@dataclass(frozen=True)
class Send:
    """Answered with the response, or with the transport's error."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Body | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Refresh:
    """Wants a new session, unless somebody has got one since ``stale`` was the token.

    Answered with whether it comes from the server just now: one that another process has left may have run out too.
    """

    stale: str


Steps = Generator[Send | Pause | Refresh, Any, httpx.Response]


class Sender(Protocol):
    """What an exchange knows of its client."""

    server: str
    session: Session | None
    patience: float


def exchange(sender: Sender, request: Send, signed: bool) -> Steps:
    """One request, repeated where that helps. Raises ApiError, Unreachable, NotLoggedIn."""
    headers = {name.title(): value for name, value in request.headers.items()}
    if request.method == "POST" and request.body is None:
        # an answer that is lost on the way is given again, and nothing is done twice
        headers.setdefault(_KEY, str(uuid4()))
    refreshed = False
    while True:
        token = token_of(sender) if signed else None
        sent = headers | ({"Authorization": f"Bearer {token}"} if token else {})
        response = yield from patiently(sender, Send(request.method, request.path, sent, request.body, request.options))
        if response.status_code < 400:
            return response
        problem = problem_of(response)
        if token is None or not isinstance(problem, errors.Unauthorized) or refreshed:
            raise problem
        refreshed = yield Refresh(token)


def patiently(sender: Sender, request: Send) -> Steps:
    """Until there is an answer other than "not now".

    Raises Unreachable when the sender's patience has passed since the first failure: Interrupted when it was an open
    line that broke. Raises ApiError when the server still answers that this one request has to come again.
    """
    deadline: float | None = None
    for pause in delays():
        wait = pause
        outcome = yield request
        if deadline is None:
            # only now: a try that goes well may last for as long as it likes
            deadline = time.monotonic() + sender.patience
        if isinstance(outcome, httpx.UnsupportedProtocol):
            raise errors.Unreachable(f"{sender.server} is no address of a server.") from outcome
        failure: errors.ClientError
        if isinstance(outcome, httpx.TransportError):
            kind = errors.Unreachable if isinstance(outcome, _NO_LINE) else errors.Interrupted
            failure = kind(f"{sender.server} does not answer ({outcome or type(outcome).__name__}).")
        elif not _passing(outcome):
            found: httpx.Response = outcome
            return found
        else:
            failure = problem_of(outcome)
            if outcome.status_code in _PASSING:
                failure = errors.Unreachable(f"{sender.server} can't take the request now: {failure.message}")
            wait = max(pause, _retry_after(outcome))
            if outcome.status_code == _LIMITED:
                # it is there and says when: no reason to lose patience
                deadline = max(deadline, time.monotonic() + wait + sender.patience)
        if time.monotonic() + wait > deadline:
            raise failure
        yield Pause(wait)
    raise AssertionError("the delays never end")


def renewal(sender: Sender) -> Steps:
    """Asks for a new session. Raises NotLoggedIn, ApiError, Unreachable."""
    assert sender.session is not None
    # the key: a refresh token that comes again late, as its answer was lost, would end the session
    headers = {_KEY: str(uuid4())}
    asked = Send("POST", "/auth/refresh", headers, options={"json": {"refreshToken": sender.session.refresh_token}})
    answer = yield from patiently(sender, asked)
    if answer.status_code < 400:
        return answer
    problem = problem_of(answer)
    if isinstance(problem, errors.Unauthorized):
        raise errors.NotLoggedIn("Your session has ended: log in again.") from problem
    raise problem


def token_of(sender: Sender) -> str:
    if sender.session is None:
        raise errors.NotLoggedIn("You are not logged in.")
    return sender.session.access_token


def delays(longest: float = 5.0) -> Iterator[float]:
    """Seconds between tries, doubling up to ``longest``, each shortened at random so that clients don't march."""
    delay = 0.2
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
        delay = min(longest, delay * 2)


def problem_of(response: httpx.Response) -> errors.ApiError:
    """The typed error that an answer of status 400 and above stands for."""
    try:
        error = response.json()["error"]
        code, message, details = error["code"], error["message"], error.get("details")
    except (ValueError, KeyError, TypeError):
        # not our server's words: a proxy's page, say
        code, message, details = f"HTTP_{response.status_code}", response.reason_phrase or "no explanation", None
    kind = errors.BY_STATUS.get(response.status_code, errors.ApiError)
    return kind(response.status_code, str(code), str(message), details)


def _passing(response: httpx.Response) -> bool:
    return response.status_code in _PASSING or (response.status_code == 409 and problem_of(response).code in _ASK_AGAIN)


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the server asks to wait; its other form, a date, counts as no wish."""
    value = response.headers.get("Retry-After", "")
    return min(_LONGEST_WAIT, float(value)) if value.isdigit() else 0.0
