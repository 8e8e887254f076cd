"""HTTP with patience: retries while the server is away, a fresh token when the old one has run out, typed errors."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from filelock import AsyncFileLock, FileLock, Timeout

from mizzap_client.errors import Unreachable
from mizzap_client.exchange import Body, Pause, Refresh, Send, Steps, exchange, renewal
from mizzap_client.models import Session
from mizzap_client.operation import Listed, Operation

A = TypeVar("A")
T = TypeVar("T")
API = "/api/v1"
LOCK_SECONDS = 180.0
"""So long another process may take to renew a session that is shared: its patience and the longest wait for an answer."""


def is_loopback(server: str) -> bool:
    """Whether the server is this machine, where no proxy can reach it for us."""
    return urlsplit(server).hostname in {"localhost", "127.0.0.1", "::1"}


class SharedSession(Protocol):
    """A session that several processes have. Each refresh token counts once, so one of them renews it for all."""

    @property
    def lock(self) -> Path:
        """The file that is locked by whoever renews the session, until it is kept."""

    def load(self) -> Session:
        """As it was kept last. Raises NotLoggedIn when it is not theirs any more."""


class _Connected:
    """What both kinds of connection have: one server, at most one user."""

    def __init__(
        self,
        server: str,
        session: Session | None = None,
        *,
        on_session: Callable[[Session], None] | None = None,
        shared: SharedSession | None = None,
        patience: float = 60.0,
    ) -> None:
        """``patience``: seconds that a request is repeated for after it has failed, while there is no answer.

        ``on_session`` hears of every new session, before the lock of one that is ``shared`` is let go: the refresh
        token changes with each use.
        """
        self.server = server.rstrip("/")
        self.session = session
        self.patience = patience
        self._on_session = on_session
        self._shared = shared

    def adopt_session(self, session: Session) -> Session:
        self.session = session
        if self._on_session:
            self._on_session(session)
        return session

    def _http_options(self) -> dict[str, Any]:
        return {
            "base_url": self.server + API,
            "timeout": httpx.Timeout(120, connect=5, pool=None),
            "limits": httpx.Limits(max_connections=32, keepalive_expiry=20),
            "trust_env": not is_loopback(self.server),
        }

    def _is_stale(self, token: str) -> bool:
        return self.session is not None and self.session.access_token == token

    def _renewed(self, answer: httpx.Response) -> None:
        self.adopt_session(Session.model_validate(answer.json()["data"]))

    def _took_over(self, stale: str) -> bool:
        """Whether another process has renewed the session: what it has kept is ours now."""
        if self._shared is None or (kept := self._shared.load()).access_token == stale:
            return False
        self.session = kept
        return True

    def _locked_out(self) -> Unreachable:
        return Unreachable("Another program has been renewing your session all the time: try again.")


class AsyncConnection(_Connected):
    def __init__(self, server: str, session: Session | None = None, **options: Any) -> None:
        super().__init__(server, session, **options)
        self._refreshing = asyncio.Lock()
        self._http = httpx.AsyncClient(**self._http_options())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, operation: Operation[A]) -> A:
        """Sends an operation of ``mizzap_client.operations``. Raises ApiError, Unreachable, NotLoggedIn."""
        return operation.read(await self._run(exchange(self, operation.request, operation.signed)))

    async def all(self, operation: Operation[Listed[T]]) -> AsyncIterator[T]:
        """Everything that an operation lists, page after page."""
        number, more = 1, True
        while more:
            page = await self.ask(operation.with_query(page=number))
            for item in page.data:
                yield item
            number, more = number + 1, page.pagination.has_more

    async def call(self, method: str, path: str, *, signed: bool = True, **options: Any) -> Any:
        """The answer's JSON. Raises as ``ask`` does."""
        return (await self.send(method, path, signed=signed, **options)).json()

    async def send(
        self, method: str, path: str, *, signed: bool = True, headers: Mapping[str, str] | None = None,
        body: Body | None = None, **options: Any,
    ) -> httpx.Response:  # fmt: skip
        """One request, repeated where that helps; ``options`` are httpx's. Raises as ``ask`` does."""
        return await self._run(exchange(self, Send(method, path, dict(headers or {}), body, options), signed))

    def stream(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[httpx.Response]:
        """One GET of a path from the server's root, unsigned and untried again, whose body is read bit by bit."""
        return self._http.stream("GET", self.server + url, headers=dict(headers))

    async def refresh(self, stale: str) -> bool:
        """Gets a new session unless another task or process has done so since ``stale`` was the token.

        False when it is another process', and may be old by now. Raises NotLoggedIn, ApiError, Unreachable.
        """
        async with self._refreshing:
            if not self._is_stale(stale):
                return True
            try:
                async with self._alone():
                    if self._took_over(stale):
                        return False
                    self._renewed(await self._run(renewal(self)))
            except Timeout as error:
                raise self._locked_out() from error
            return True

    def _alone(self) -> AbstractAsyncContextManager[object]:
        return AsyncFileLock(self._shared.lock, timeout=LOCK_SECONDS) if self._shared else nullcontext()

    async def _run(self, steps: Steps) -> httpx.Response:
        outcome: Any = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                found: httpx.Response = done.value
                return found
            outcome = await self._take(step)

    async def _take(self, step: Send | Pause | Refresh) -> httpx.Response | httpx.TransportError | bool | None:
        match step:
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Refresh(stale):
                return await self.refresh(stale)
            case Send(method, path, headers, body, options):
                content = aiter(body) if body else None
                try:
                    return await self._http.request(method, path, headers=headers, content=content, **options)
                except httpx.TransportError as error:
                    return error
        return None


class Connection(_Connected):
    """The same for programs that await nothing. Threads may share it."""

    def __init__(self, server: str, session: Session | None = None, **options: Any) -> None:
        super().__init__(server, session, **options)
        self._refreshing = threading.Lock()
        self._http = httpx.Client(**self._http_options())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def ask(self, operation: Operation[A]) -> A:
        """Sends an operation of ``mizzap_client.operations``. Raises ApiError, Unreachable, NotLoggedIn."""
        return operation.read(self._run(exchange(self, operation.request, operation.signed)))

    def all(self, operation: Operation[Listed[T]]) -> Iterator[T]:
        """Everything that an operation lists, page after page."""
        number, more = 1, True
        while more:
            page = self.ask(operation.with_query(page=number))
            yield from page.data
            number, more = number + 1, page.pagination.has_more

    def send(
        self, method: str, path: str, *, signed: bool = True, headers: Mapping[str, str] | None = None,
        body: Body | None = None, **options: Any,
    ) -> httpx.Response:  # fmt: skip
        """One request, repeated where that helps; ``options`` are httpx's. Raises as ``ask`` does."""
        return self._run(exchange(self, Send(method, path, dict(headers or {}), body, options), signed))

    def refresh(self, stale: str) -> bool:
        """Gets a new session unless another thread or process has done so since ``stale`` was the token.

        As `AsyncConnection.refresh`.
        """
        with self._refreshing:
            if not self._is_stale(stale):
                return True
            try:
                with self._alone():
                    if self._took_over(stale):
                        return False
                    self._renewed(self._run(renewal(self)))
            except Timeout as error:
                raise self._locked_out() from error
            return True

    def _alone(self) -> AbstractContextManager[object]:
        return FileLock(self._shared.lock, timeout=LOCK_SECONDS) if self._shared else nullcontext()

    def _run(self, steps: Steps) -> httpx.Response:
        outcome: Any = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                found: httpx.Response = done.value
                return found
            outcome = self._take(step)

    def _take(self, step: Send | Pause | Refresh) -> httpx.Response | httpx.TransportError | bool | None:
        match step:
            case Pause(seconds):
                time.sleep(seconds)
            case Refresh(stale):
                return self.refresh(stale)
            case Send(method, path, headers, body, options):
                content = iter(body) if body else None
                try:
                    return self._http.request(method, path, headers=headers, content=content, **options)
                except httpx.TransportError as error:
                    return error
        return None
