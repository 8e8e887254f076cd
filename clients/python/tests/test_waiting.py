"""The client learns of the server's progress by the WebSocket, and when that is broken all the same."""

import asyncio
import threading
from typing import Any

import pytest
from mizzap_client import waiting
from mizzap_client.api import AsyncClient
from mizzap_client.errors import NotLoggedIn, Stalled
from mizzap_client.events import CONNECTED, listen
from mizzap_client.waiting import listening, until_processed
from starlette.websockets import WebSocket


def progress(processed: int, of: int = 10, renditions: int | None = 30) -> dict[str, Any]:
    pending = of - processed
    return {
        "photos": of,
        "stored": of,
        "processed": processed,
        "failed": 0,
        "pending": pending,
        "renditions": renditions,
    }


def moments(up_to_date: bool = True) -> dict[str, Any]:
    return {"id": 1, "status": "suggested", "moments": [], "photos": 10, "upToDate": up_to_date, "updatedAt": None}


def event(number: int, name: str = "photo:processed") -> dict[str, Any]:
    return {"event": name, "id": f"event-{number}", "data": {"photoId": number}}


async def take(client: AsyncClient, count: int) -> list[str]:
    found = []
    async with asyncio.timeout(10):
        async for happened in listen(client):
            found.append(happened.id or happened.event)
            if len(found) == count:
                break
    return found


async def test_events_go_on_after_a_break(client: AsyncClient, gateway: Any) -> None:
    numbers = iter(range(100))

    async def socket(websocket: WebSocket) -> None:
        assert websocket.query_params["token"] == "access-1"
        await websocket.accept()
        await websocket.send_json(event(next(numbers)))
        await websocket.close(1012)

    gateway.socket = socket
    assert await take(client, 4) == [CONNECTED, "event-0", CONNECTED, "event-1"]


async def test_an_expired_token_is_refreshed(client: AsyncClient, gateway: Any) -> None:
    gateway.token = 2

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        if websocket.query_params["token"] == "access-1":
            await websocket.close(4401)
        else:
            await websocket.send_json(event(7))
            await websocket.receive()

    gateway.socket = socket
    assert await take(client, 3) == [CONNECTED, CONNECTED, "event-7"]
    gateway.token = 9
    with pytest.raises(NotLoggedIn):
        await client.me()


async def test_a_hint_wakes_before_the_poll_does(
    client: AsyncClient, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 60.0)
    asked = threading.Event()
    states = iter([progress(2), progress(10)])

    def answer() -> dict[str, Any]:
        asked.set()
        return next(states)

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await asyncio.to_thread(asked.wait)
        await websocket.send_json({"event": "ping"})
        for number in (1, 1, 2):
            await websocket.send_json(event(number, "duplicate:detected"))
        await websocket.receive()

    gateway.socket, gateway.progress, gateway.moments = socket, answer, moments
    async with asyncio.timeout(20), listening(client) as listener:
        done = await until_processed(client, listener, lambda *_: None)
    assert done.processed == 10
    assert listener.hints == {"duplicate:detected": 2}


async def test_without_a_websocket_polling_does(
    client: AsyncClient, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "PAUSE_SECONDS", 0.01)

    async def socket(websocket: WebSocket) -> None:
        await websocket.close()  # refuses the handshake

    told: list[int] = []
    states = iter([progress(4), progress(10), progress(10, renditions=None), progress(10)])
    sets = iter([moments(False), moments(True)])
    gateway.socket, gateway.progress, gateway.moments = socket, lambda: next(states), lambda: next(sets)
    async with asyncio.timeout(20), listening(client) as listener:
        await until_processed(client, listener, lambda now, hints: told.append(now.processed))
    assert told == [4, 10, 10, 10]


@pytest.mark.parametrize(
    "state, up_to_date, words",
    [
        (progress(4), True, "6 of 10 photos are still to be processed"),
        (progress(10), False, "the best moments are not up to date"),
        (progress(10, renditions=None), True, "the renditions can't be counted"),
    ],
)
async def test_a_stall_is_said_clearly(
    client: AsyncClient,
    gateway: Any,
    monkeypatch: pytest.MonkeyPatch,
    state: dict[str, Any],
    up_to_date: bool,
    words: str,
) -> None:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "PAUSE_SECONDS", 0.01)
    gateway.progress, gateway.moments = lambda: state, lambda: moments(up_to_date)

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive()

    gateway.socket = socket
    async with asyncio.timeout(20), listening(client) as listener:
        with pytest.raises(Stalled, match=words):
            await until_processed(client, listener, lambda *_: None, stall_seconds=0.3)
