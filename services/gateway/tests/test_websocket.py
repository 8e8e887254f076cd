"""The WebSocket over a real connection, with events from the real broker."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import websockets
from mizzap_common import testing
from mizzap_common.contracts import catalog, events, family_events
from mizzap_gateway.websocket import EVENTS_SHOWN

_TALKATIVE = """
from opentelemetry import trace
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from mizzap_common import service, telemetry

set_up = telemetry.set_up

def set_up_and_tell(*arguments):
    set_up(*arguments)
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))

telemetry.set_up = set_up_and_tell
import mizzap_gateway.__main__
"""
"""The gateway with every span on its standard output."""


def _address(gateway: Any, token: str) -> str:
    return f"{gateway.url.replace('http', 'ws')}/ws?token={token}"


@asynccontextmanager
async def _connected(gateway: Any, user_id: int, **claims: Any) -> AsyncIterator[websockets.ClientConnection]:
    address = _address(gateway, gateway.signer.token(user_id, **claims))
    async with websockets.connect(address, proxy=None) as connection:
        yield connection


async def _next(connection: websockets.ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        message: dict[str, Any] = json.loads(await connection.recv())
    return message


async def _close_code(connection: websockets.ClientConnection) -> int | None:
    async with asyncio.timeout(10):
        await connection.wait_closed()
    return connection.close_code


async def _processed(gateway: Any, user_id: int, photo_id: int) -> str:
    payload = events.PhotoProcessed(user_id=user_id, photo_id=photo_id)
    return str(await testing.publish_event(gateway.bus.jetstream, catalog.PHOTO_PROCESSED, payload))


def test_the_events_shown_are_those_of_the_specification_and_more() -> None:
    names = {event.websocket for event in EVENTS_SHOWN}
    assert names >= {"photo:uploaded", "photo:processed", "duplicate:detected", "album:updated", "user:joined_family"}
    assert all(event.websocket == event.subject.replace(".", ":") for event in EVENTS_SHOWN)


async def test_events_reach_all_sockets_of_their_user_and_nobody_else(gateway, user_id) -> None:
    async with (
        _connected(gateway, user_id) as phone,
        _connected(gateway, user_id) as laptop,
        _connected(gateway, user_id + 1) as stranger,
    ):
        event_id = await _processed(gateway, user_id, 7)
        expected = {"event": "photo:processed", "id": event_id, "data": {"userId": user_id, "photoId": 7, "version": 0}}
        assert await _next(phone) == expected
        assert await _next(laptop) == expected
        await _processed(gateway, user_id + 1, 8)
        assert (await _next(stranger))["data"]["photoId"] == 8  # and so not 7 before it


async def test_an_event_with_an_audience_reaches_all_of_it_and_nobody_else(gateway, user_id) -> None:
    async with (
        _connected(gateway, user_id) as joins,
        _connected(gateway, user_id + 1) as member,
        _connected(gateway, user_id + 2) as stranger,
    ):
        audience = [user_id, user_id + 1]
        joined = family_events.FamilyMemberEvent(
            user_id=user_id, family_id=3, role="viewer", audience=audience, change=2
        )
        await testing.publish_event(gateway.bus.jetstream, catalog.USER_JOINED_FAMILY, joined)
        for connection in (joins, member):
            message = await _next(connection)
            assert message["event"] == "user:joined_family"
            assert message["data"] == {"userId": user_id, "familyId": 3, "role": "viewer", "change": 2}
        await _processed(gateway, user_id + 2, 8)
        assert (await _next(stranger))["event"] == "photo:processed"  # and so not the other before it


async def test_who_sees_an_album_does_not_learn_who_else_does(gateway, user_id) -> None:
    owner, stranger = user_id + 1, user_id + 2
    async with _connected(gateway, user_id) as viewer:
        updated = events.AlbumUpdated(
            user_id=owner, album_id=4, change="updated", owner_id=owner, audience=[owner, user_id, stranger]
        )
        await testing.publish_event(gateway.bus.jetstream, catalog.ALBUM_UPDATED, updated)
        data = (await _next(viewer))["data"]
        assert data == {"userId": owner, "albumId": 4, "change": "updated", "ownerId": owner}


async def test_every_shown_event_comes(gateway, user_id) -> None:
    values = {
        "user_id": user_id, "photo_id": 1, "sha256": "0" * 64, "object_key": "k", "mime_type": "image/jpeg",
        "size_bytes": 1, "code": "X", "message": "x", "duplicate_id": 1, "primary_photo_id": 1,
        "duplicate_photo_id": 2, "lane": "exact", "match_type": "exact", "similarity_score": 1.0,
        "action": "confirmed", "set_id": 1, "moments": 3, "album_id": 4, "change": 1, "export_id": 5,
        "family_id": 5, "role": "member", "audience": [1], "owner_id": 9, "members": [], "version": 1, "order_id": 6, "status": "sent",
    }  # fmt: skip
    async with _connected(gateway, user_id) as connection:
        for event in EVENTS_SHOWN:
            said = values | ({"change": "created"} if event is catalog.ALBUM_UPDATED else {})
            payload = event.payload(**{name: said[name] for name in event.payload.model_fields})
            await testing.publish_event(gateway.bus.jetstream, event, payload)
            message = await _next(connection)
            assert message["event"] == event.websocket
            shown = json.loads(payload.to_json())
            shown.pop("audience", None)
            assert message["data"] == shown


async def test_an_unreadable_event_harms_nobody(gateway, user_id) -> None:
    async with _connected(gateway, user_id) as connection:
        await gateway.bus.jetstream.publish("photo.processed", b"no json", stream="PHOTOS")
        await _processed(gateway, user_id, 9)
        assert (await _next(connection))["data"]["photoId"] == 9


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
async def test_a_bad_token_is_told_by_the_close_code(gateway, token) -> None:
    async with websockets.connect(_address(gateway, token), proxy=None) as connection:
        assert await _close_code(connection) == 4401


async def test_no_token_is_a_bad_token(gateway) -> None:
    async with websockets.connect(f"{gateway.url.replace('http', 'ws')}/ws", proxy=None) as connection:
        assert await _close_code(connection) == 4401


async def test_a_socket_ends_with_its_token(gateway, user_id) -> None:
    async with _connected(gateway, user_id, exp=int(time.time()) + 2) as connection:
        await _processed(gateway, user_id, 1)
        await _next(connection)
        assert await _close_code(connection) == 4401
    await testing.eventually(lambda: user_id not in gateway.app.state.parts.sockets._outlets)


async def test_what_a_client_says_is_ignored(gateway, user_id) -> None:
    async with _connected(gateway, user_id) as connection:
        await connection.send("hello")
        await connection.send(b"\0\1")
        await _processed(gateway, user_id, 3)
        assert (await _next(connection))["data"]["photoId"] == 3


async def test_a_closed_socket_is_forgotten(gateway, user_id) -> None:
    async with _connected(gateway, user_id):
        assert user_id in gateway.app.state.parts.sockets._outlets
    await testing.eventually(lambda: user_id not in gateway.app.state.parts.sockets._outlets)


async def test_a_socket_that_lags_is_closed(start_gateway, user_id) -> None:
    async with start_gateway(socket_queue=2) as gateway, _connected(gateway, user_id) as connection:
        body = events.PhotoProcessed(user_id=user_id, photo_id=1).to_json()
        for _ in range(3):  # without a pause in which the first could be sent
            await gateway.app.state.parts.sockets.watch(catalog.PHOTO_PROCESSED, body, {})
        assert await _close_code(connection) == 4429


async def test_a_socket_that_reads_nothing_holds_up_nobody(gateway, user_id) -> None:
    address = urlsplit(gateway.url)
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.to_thread(silent.connect, (address.hostname, address.port))
    silent.sendall(
        f"GET /ws?token={gateway.signer.token(user_id)} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket"
        "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    sockets = gateway.app.state.parts.sockets
    await testing.eventually(lambda: user_id in sockets._outlets)
    payload = events.PhotoFailed(user_id=user_id, photo_id=1, code="X", message="x" * 20_000)
    async with _connected(gateway, user_id + 1) as lively:
        for number in range(600):
            await sockets.watch(catalog.PHOTO_FAILED, payload.to_json(), {})
            if number % 100 == 0:
                await _processed(gateway, user_id + 1, number)
                assert (await _next(lively))["data"]["photoId"] == number
        await testing.eventually(lambda: user_id not in sockets._outlets)
    silent.close()


async def test_tokens_and_tickets_are_never_logged(gateway_settings, signer, gateway) -> None:
    """A process of its own, at the most talkative level, with everything that it says, and its traces."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = gateway_settings()
    environment = os.environ | {
        "MIZZAP_NATS_URL": settings.nats_url, "MIZZAP_S3_ENDPOINT": settings.s3_endpoint,
        "MIZZAP_S3_ACCESS_KEY": settings.s3_access_key,
        "MIZZAP_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        "MIZZAP_PORT": str(port), "MIZZAP_LOG_LEVEL": "DEBUG", "MIZZAP_LIMITS_FACTOR": "1000",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _TALKATIVE, env=environment, stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said = asyncio.create_task(process.communicate())
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:

        async def ready() -> bool:
            try:
                return (await http.get("/ready")).status_code == 200
            except httpx.TransportError:
                return False

        await testing.eventually(ready, 30)
        token = signer.token(5)
        await http.get("/api/v1/photos/1", headers={"Authorization": f"Bearer {token}"})
        await http.get(f"/ws?token={token}&ticket={token[:100]}")
        await http.get(f"/api/v1/photos?q=SEARCHED-WORD&token={token}", headers={"Authorization": f"Bearer {token}"})
        made = await http.post("/api/v1/ws/ticket", headers={"Authorization": f"Bearer {token}"})
        ticket = made.json()["data"]["ticket"]
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws?ticket={ticket}", proxy=None):
            pass
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws?ticket={ticket}", proxy=None) as connection:
            assert await _close_code(connection) == 4401
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"ws://127.0.0.1:{port}/ws?token={token}", proxy=None, origin="https://evil.test")
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws?token={token}", proxy=None) as connection:
            await connection.send("hello")
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws?token={token[:-4]}", proxy=None) as connection:
            assert await _close_code(connection) == 4401
    process.send_signal(signal.SIGTERM)
    output = b"".join(await said)
    assert process.returncode == -signal.SIGTERM, output[-2000:]  # uvicorn stops in order, then repeats the signal
    assert b"started" in output
    # the traces are there, and so is what must be hidden from them
    assert b'"url.path": "/api/v1/photos"' in output and b"WS" in output
    assert b"SEARCHED-WORD" not in output and ticket.encode() not in output
    assert token[-30:-4].encode() not in output and token[:40].encode() not in output
