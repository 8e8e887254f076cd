"""HTTP with patience: retries while the server is away, a fresh token when the old one has run out, typed errors."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from mizzap_client import errors
from mizzap_client.models import Session

API = "/api/v1"
_PASSING = {429, 502, 503, 504}
"""Statuses that say "not now": the same request may work later."""
_LIMITED = 429
_LONGEST_WAIT = 3600.0

Body = Callable[[], AsyncIterator[bytes]]


def delays(longest: float = 5.0) -> Iterator[float]:
    """Seconds between tries, doubling up to ``longest``, each shortened at random so that clients don't march."""
    delay = 0.2
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
        delay = min(longest, delay * 2)


def is_loopback(server: str) -> bool:
    """Whether the server is this machine, where no proxy can reach it for us."""
    return urlsplit(server).hostname in {"localhost", "127.0.0.1", "::1"}


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


class Connection:
    """Speaks to one server on behalf of at most one user."""

    def __init__(
        self,
        server: str,
        session: Session | None = None,
        *,
        on_session: Callable[[Session], None] | None = None,
        patience: float = 60.0,
    ) -> None:
        """``patience``: seconds that a request is repeated for while there is no answer.

        ``on_session`` hears of every new session: the refresh token changes with each use.
        """
        self.server = server.rstrip("/")
        self.session = session
        self.patience = patience
        self._on_session = on_session
        self._refreshing = asyncio.Lock()
        self._http = httpx.AsyncClient(
            base_url=self.server + API,
            timeout=httpx.Timeout(120, connect=5, pool=None),
            limits=httpx.Limits(max_connections=32, keepalive_expiry=20),
            trust_env=not is_loopback(self.server),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def adopt_session(self, session: Session) -> Session:
        self.session = session
        if self._on_session:
            self._on_session(session)
        return session

    async def call(self, method: str, path: str, *, signed: bool = True, **options: Any) -> Any:
        """The answer's JSON. Raises ApiError, Unreachable, NotLoggedIn."""
        response = await self.send(method, path, signed=signed, **options)
        return response.json()

    async def send(
        self, method: str, path: str, *, signed: bool = True, headers: Mapping[str, str] | None = None,
        body: Body | None = None, **options: Any,
    ) -> httpx.Response:  # fmt: skip
        """One request, repeated where that helps. ``body`` is called anew for each try. Raises as ``call`` does."""
        refreshed = False
        while True:
            token = self._token() if signed else None
            sent_headers = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
            response = await self._patiently(method, path, sent_headers, body, options)
            if response.status_code < 400:
                return response
            problem = problem_of(response)
            if not (signed and isinstance(problem, errors.Unauthorized)) or refreshed:
                raise problem
            await self.refresh(token)
            refreshed = True

    def stream(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[httpx.Response]:
        """One GET of a path from the server's root, unsigned and untried again, whose body is read bit by bit."""
        return self._http.stream("GET", self.server + url, headers=dict(headers))

    async def _patiently(
        self, method: str, path: str, headers: dict[str, str], body: Body | None, options: dict[str, Any]
    ) -> httpx.Response:
        deadline = time.monotonic() + self.patience
        for pause in delays():
            wait = pause
            try:
                content = body() if body else None
                response = await self._http.request(method, path, headers=headers, content=content, **options)
            except httpx.UnsupportedProtocol as error:
                raise errors.Unreachable(f"{self.server} is no address of a server.") from error
            except httpx.TransportError as error:
                reason = f"{self.server} does not answer ({error or type(error).__name__})."
            else:
                if not _passing(response):
                    return response
                reason = f"{self.server} can't take the request now: {problem_of(response).message}"
                wait = max(pause, _retry_after(response))
                if response.status_code == _LIMITED:
                    # it is there and says when: no reason to lose patience
                    deadline = max(deadline, time.monotonic() + wait + self.patience)
            if time.monotonic() + wait > deadline:
                raise errors.Unreachable(reason)
            await asyncio.sleep(wait)
        raise AssertionError("the delays never end")

    def _token(self) -> str:
        if self.session is None:
            raise errors.NotLoggedIn("You are not logged in.")
        return self.session.access_token

    async def refresh(self, stale: str | None) -> None:
        """Gets a new session unless another task has done so since ``stale`` was the token. Raises NotLoggedIn."""
        async with self._refreshing:
            if self.session is None or self.session.access_token != stale:
                return
            answer = await self._patiently(
                "POST", "/auth/refresh", {}, None, {"json": {"refreshToken": self.session.refresh_token}}
            )
            if answer.status_code >= 400:
                raise errors.NotLoggedIn("Your session has ended: log in again.") from problem_of(answer)
            self.adopt_session(Session.model_validate(answer.json()["data"]))


def _passing(response: httpx.Response) -> bool:
    return response.status_code in _PASSING or (
        response.status_code == 409 and problem_of(response).code == "UPLOAD_AGAIN"
    )


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the server asks to wait; its other form, a date, counts as no wish."""
    value = response.headers.get("Retry-After", "")
    return min(_LONGEST_WAIT, float(value)) if value.isdigit() else 0.0
