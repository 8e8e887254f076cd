"""Whether a session is alive: asked once, forgotten at once, believed while nobody answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import websockets
from mizzap_common import testing
from mizzap_common.contracts import accounts, catalog, events, requests
from mizzap_common.errors import Unauthorized, Unavailable
from mizzap_gateway import sessions as module
from mizzap_gateway.sessions import Sessions
from mizzap_gateway.tokens import Caller

CALLER = Caller(5, 7, 0.0)
ALIVE = accounts.SessionState(alive=True)
ENDED = accounts.SessionState(alive=False)


class Auth:
    def __init__(self) -> None:
        self.asked = 0
        self.answer: accounts.SessionState | Exception = ALIVE
        self.held = asyncio.Event()
        self.held.set()

    async def __call__(self, question: accounts.SessionRequest) -> accounts.SessionState:
        assert (question.user_id, question.session_id) == (5, 7)
        self.asked += 1
        answer = self.answer
        await self.held.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def auth() -> Auth:
    return Auth()


async def _refused(sessions: Sessions) -> None:
    with pytest.raises(Unauthorized) as refused:
        await sessions.check(CALLER)
    assert refused.value.code == "SESSION_ENDED"


async def test_a_living_session_is_asked_about_once(auth, gateway_settings) -> None:
    sessions = Sessions(auth, gateway_settings())
    for _ in range(5):
        await sessions.check(CALLER)
    assert auth.asked == 1


async def test_it_is_asked_about_again_after_a_while(auth, gateway_settings) -> None:
    sessions = Sessions(auth, gateway_settings(session_cache_seconds=0))
    await sessions.check(CALLER)
    auth.answer = ENDED
    await _refused(sessions)
    await _refused(sessions)
    assert auth.asked == 2  # nothing ends twice


async def test_it_is_asked_about_again_after_a_minute(auth, gateway_settings, monkeypatch) -> None:
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(module, "time", clock)
    sessions = Sessions(auth, gateway_settings())
    asked = []
    for clock.now in (1000.0, 1059.0, 1061.0, 1119.0, 1122.0):
        await sessions.check(CALLER)
        asked.append(auth.asked)
    assert asked == [1, 1, 2, 2, 3]


async def test_its_end_counts_at_once(auth, gateway_settings) -> None:
    sessions = Sessions(auth, gateway_settings())
    await sessions.check(CALLER)
    await sessions.watch(catalog.SESSION_ENDED, b"no json", {})
    await sessions.watch(catalog.SESSION_ENDED, events.SessionEnded(user_id=5, session_id=8).to_json(), {})
    await sessions.check(CALLER)
    await sessions.watch(catalog.SESSION_ENDED, events.SessionEnded(user_id=5, session_id=7).to_json(), {})
    await _refused(sessions)


async def test_an_answer_that_was_on_its_way_brings_nothing_back(auth, gateway_settings) -> None:
    sessions = Sessions(auth, gateway_settings())
    auth.held.clear()
    checking = asyncio.create_task(sessions.check(CALLER))
    await testing.eventually(lambda: auth.asked)
    sessions.end(5, 7)
    auth.held.set()
    with pytest.raises(Unauthorized):
        await checking
    await _refused(sessions)


async def test_who_was_seen_alive_counts_while_nobody_answers(auth, gateway_settings) -> None:
    sessions = Sessions(auth, gateway_settings(session_cache_seconds=0))
    auth.answer = Unavailable("Nobody there.")
    with pytest.raises(Unavailable):
        await sessions.check(CALLER)
    auth.answer = ALIVE
    await sessions.check(CALLER)
    auth.answer = Unavailable("Nobody there.")
    asked = auth.asked
    for _ in range(5):
        await sessions.check(CALLER)
    assert auth.asked == asked + 1  # and a silent service is left alone for a moment
    sessions.end(5, 7)
    await _refused(sessions)


async def test_who_was_seen_alive_does_not_wait_for_an_answer(auth, gateway_settings, monkeypatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.05)
    sessions = Sessions(auth, gateway_settings(session_cache_seconds=0))
    await sessions.check(CALLER)
    auth.held.clear()
    async with asyncio.timeout(5):
        await sessions.check(CALLER)


async def test_the_memory_has_an_end(auth, gateway_settings, monkeypatch) -> None:
    monkeypatch.setattr(module, "_AT_MOST", 10)
    sessions = Sessions(auth, gateway_settings())
    await sessions.check(CALLER)
    for number in range(100, 120):
        sessions._remember((5, number), 60.0)
        sessions.end(5, number + 1000)
    assert len(sessions._alive) == len(sessions._ended) == 10
    await sessions.check(CALLER)
    assert auth.asked == 2


async def _end(gateway: Any, user_id: int, session_id: int) -> None:
    payload = events.SessionEnded(user_id=user_id, session_id=session_id)
    await testing.publish_event(gateway.bus.jetstream, catalog.SESSION_ENDED, payload)


async def test_an_ended_session_s_token_is_refused(gateway, user_id, error_of) -> None:
    tokens = {sid: gateway.signer.token(user_id, sid=str(sid)) for sid in (1, 2)}

    async def status(sid: int) -> int:
        headers = {"Authorization": f"Bearer {tokens[sid]}"}
        return int((await gateway.http.get("/api/v1/photos/1", headers=headers)).status_code)

    assert await status(1) == await status(2) == 404
    await _end(gateway, user_id, 1)

    async def over() -> bool:
        return await status(1) == 401

    await testing.eventually(over, 5)
    assert await status(2) == 404
    response = await gateway.http.get("/api/v1/photos/1", headers={"Authorization": f"Bearer {tokens[1]}"})
    assert error_of(response)["code"] == "SESSION_ENDED"


async def test_whoever_ends_a_session_has_no_say_after_it(gateway, user_id, ask) -> None:
    """Without waiting for the event."""
    gateway.others.say(requests.AUTH_END_SESSION, accounts.EndedSessions(session_ids=[1]))
    assert (await ask("POST", "/auth/logout")).status_code == 200
    assert (await ask("GET", "/photos/1")).status_code == 401


@asynccontextmanager
async def _socket(gateway: Any, user_id: int, session_id: int) -> AsyncIterator[websockets.ClientConnection]:
    token = gateway.signer.token(user_id, sid=str(session_id))
    address = f"{gateway.url.replace('http', 'ws')}/ws?token={token}"
    async with websockets.connect(address, proxy=None) as connection:
        yield connection


async def test_a_socket_closes_with_its_session_and_no_other_does(gateway, user_id) -> None:
    async with _socket(gateway, user_id, 1) as mine, _socket(gateway, user_id, 2) as other:
        await _end(gateway, user_id, 1)
        async with asyncio.timeout(5):
            await mine.wait_closed()
        assert mine.close_code == 4401
        payload = events.PhotoProcessed(user_id=user_id, photo_id=9)
        await testing.publish_event(gateway.bus.jetstream, catalog.PHOTO_PROCESSED, payload)
        async with asyncio.timeout(5):
            assert json.loads(await other.recv())["event"] == "photo:processed"
    sessions = gateway.app.state.parts.sessions
    await testing.eventually(lambda: not sessions._waiting)
    async with _socket(gateway, user_id, 1) as late:
        async with asyncio.timeout(5):
            await late.wait_closed()
        assert late.close_code == 4401


async def test_a_socket_closes_though_the_event_got_lost(start_gateway, user_id) -> None:
    async with start_gateway(session_cache_seconds=0) as gateway, _socket(gateway, user_id, 3) as connection:
        gateway.others.say(requests.AUTH_SESSION, ENDED)
        async with asyncio.timeout(5):
            await connection.wait_closed()
        assert connection.close_code == 4401
        gateway.others.clear()


async def test_a_logout_whose_answer_was_lost_is_answered_again(gateway, user_id, error_of) -> None:
    login = gateway.login(user_id)
    session_id = int(jwt.decode(login["Authorization"].split()[1], options={"verify_signature": False})["sid"])
    gateway.others.say(requests.AUTH_END_SESSION, accounts.EndedSessions(session_ids=[session_id]))

    async def log_out(key: str, **headers: str) -> httpx.Response:
        headers = {"Idempotency-Key": key, **(headers or login)}
        answer: httpx.Response = await gateway.http.post("/api/v1/auth/logout", headers=headers)
        return answer

    key = str(uuid4())
    first, again = await log_out(key), await log_out(key)
    assert (again.status_code, again.content) == (first.status_code, first.content) and first.status_code == 200
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(gateway.others.questions(requests.AUTH_END_SESSION)) == 1
    # the key alone is worth nothing, and the token opens nothing else
    refused = [
        await log_out(str(uuid4())),
        await log_out(key, Authorization=f"Bearer {gateway.signer.token(user_id, exp=1)}"),
        await gateway.http.post("/api/v1/albums", headers={"Idempotency-Key": key, **login}, json={"name": "x"}),
    ]
    assert [answer.status_code for answer in refused] == [401, 401, 401]
    assert error_of(refused[0])["code"] == "SESSION_ENDED"
