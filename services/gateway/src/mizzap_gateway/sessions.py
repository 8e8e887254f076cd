"""Which sessions are alive: asked of the auth service, remembered for a while, forgotten at once when one ends."""

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from mizzap_common.contracts import accounts
from mizzap_common.contracts.catalog import Event
from mizzap_common.contracts.events import SessionEnded
from mizzap_common.errors import MizzapError, Unauthorized, Unavailable
from pydantic import ValidationError

from mizzap_gateway.settings import GatewaySettings
from mizzap_gateway.tokens import Caller

_AT_MOST = 50_000
"""Sessions remembered by one process; the longest unasked go first."""
_PATIENCE_SECONDS = 2.0
"""How long the request of a session that was seen alive waits for an answer."""
_SILENCE_SECONDS = 5.0
"""How soon a silent auth service is asked about the same session again."""

log = structlog.get_logger(__name__)

_Key = tuple[int, int]


class SessionOver(Unauthorized):
    """The token is good and its session is not alive any more."""

    default_code = "SESSION_ENDED"

    def __init__(self, caller: Caller) -> None:
        super().__init__("The session has ended. Please log in again.")
        self.caller = caller


class Sessions:
    """A session that was seen alive counts, while the auth service is silent, for as long as its token does."""

    def __init__(
        self, ask: Callable[[accounts.SessionRequest], Awaitable[accounts.SessionState]], settings: GatewaySettings
    ) -> None:
        self._ask = ask
        self._seconds = settings.session_cache_seconds
        self._alive: OrderedDict[_Key, float] = OrderedDict()
        """When to ask again, by the monotonic clock."""
        self._ended: OrderedDict[_Key, None] = OrderedDict()
        """An answer that was on its way when the session ended must not bring it back."""
        self._waiting: dict[_Key, set[asyncio.Event]] = defaultdict(set)

    async def check(self, caller: Caller) -> None:
        """Raises SessionOver, and Unavailable when a session never seen can't be asked about."""
        key = caller.user_id, caller.session_id
        ask_again = self._alive.get(key)
        if ask_again is None or time.monotonic() >= ask_again:
            await self._look(key, known=ask_again is not None)
        if key in self._ended:
            raise SessionOver(caller)

    async def _look(self, key: _Key, known: bool) -> None:
        if key in self._ended:
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS if known else None):
                state = await self._ask(accounts.SessionRequest(user_id=key[0], session_id=key[1]))
        except (Unavailable, TimeoutError):
            if not known:
                raise
            self._remember(key, _SILENCE_SECONDS)
            return
        if state.alive:
            self._remember(key, self._seconds)
        else:
            self.end(*key)

    def _remember(self, key: _Key, seconds: float) -> None:
        if key not in self._ended:
            _put(self._alive, key, time.monotonic() + seconds)

    def end(self, user_id: int, session_id: int) -> None:
        """From now on the session's tokens don't count, and its sockets close."""
        key = user_id, session_id
        self._alive.pop(key, None)
        _put(self._ended, key, None)
        for waiting in self._waiting.get(key, ()):
            waiting.set()

    async def watch(self, event: Event[SessionEnded], body: bytes, _: dict[str, str]) -> None:
        """Hears of sessions that ended elsewhere."""
        try:
            payload = event.payload.model_validate_json(body)
        except ValidationError:
            log.warning("an unreadable event ends no session", subject=event.subject)
            return
        self.end(payload.user_id, payload.session_id)

    async def wait_until_ended(self, caller: Caller) -> None:
        """Returns when the session has ended; asks now and then, as the event is a hint that can get lost."""
        key = caller.user_id, caller.session_id
        told = asyncio.Event()
        self._waiting[key].add(told)
        try:
            while await self._is_alive(caller):
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(1.0, self._seconds)):
                        await told.wait()
        finally:
            self._waiting[key].discard(told)
            if not self._waiting[key]:
                del self._waiting[key]

    async def _is_alive(self, caller: Caller) -> bool:
        try:
            await self.check(caller)
        except Unauthorized:
            return False
        except MizzapError:
            pass  # nobody said that it ended
        return True


def _put(entries: OrderedDict[_Key, Any], key: _Key, value: Any) -> None:
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > _AT_MOST:
        entries.popitem(last=False)
