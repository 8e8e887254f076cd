"""Uploads whose connection is cut, slow or endless."""

import asyncio
import hashlib
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from mizzap_common import testing
from mizzap_common.storage import PART_BYTES, original_key


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def _open(gateway: Any, user_id: int, form: Any, length: int) -> socket.socket:
    address = urlsplit(gateway.url)
    connection = await asyncio.to_thread(socket.create_connection, (address.hostname, address.port))
    lines = [
        "POST /api/v1/photos/upload HTTP/1.1", "Host: mizzap", f"Content-Length: {length}",
        *(f"{k}: {v}" for k, v in {**form.headers, **gateway.login(user_id)}.items()), "", "",
    ]  # fmt: skip
    connection.sendall("\r\n".join(lines).encode())
    return connection


@pytest.mark.parametrize("sent", [2000, 2 * PART_BYTES + 5], ids=["in the first part", "in a later part"])
@pytest.mark.parametrize("announced", [True, False], ids=["hash announced", "no hash"])
async def test_a_cut_connection_leaves_nothing(gateway, user_id, form, jpeg, sent, announced) -> None:
    data = jpeg(sent + 5000)
    form.file("a.jpg", data, sha256(data) if announced else None)
    connection = await _open(gateway, user_id, form, len(form.whole))
    turns = gateway.app.state.parts.uploads._turns._free
    free = turns._value
    await asyncio.to_thread(connection.sendall, form.whole[: sent - 100])
    await testing.eventually(lambda: turns._value == free - 1)
    connection.close()
    await testing.eventually(lambda: turns._value == free)
    assert await gateway.keys_under(user_id) == []
    assert await gateway.unfinished_uploads(user_id) == 0
    assert gateway.photos.registered == []


async def test_a_stalled_upload_is_given_up(start_gateway, user_id, form, jpeg) -> None:
    async with start_gateway(upload_idle_seconds=0.3) as hasty:
        form.photo("a.jpg", jpeg(5000))
        connection = await _open(hasty, user_id, form, len(form.whole))
        await asyncio.to_thread(connection.sendall, form.whole[:2000])
        answer = b""
        while b"INVALID_INPUT" not in answer and (more := await asyncio.to_thread(connection.recv, 65536)):
            answer += more
        connection.close()
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"INVALID_INPUT" in answer
        assert await hasty.keys_under(user_id) == []


async def test_stopping_does_not_wait_for_a_client_that_stalls(start_gateway, user_id, form, jpeg) -> None:
    form.photo("a.jpg", jpeg(20 << 20))
    async with start_gateway() as stopping:
        connection = await _open(stopping, user_id, form, len(form.whole))
        await asyncio.to_thread(connection.sendall, form.whole[: 10 << 20])
        turns = stopping.app.state.parts.uploads._turns._free
        await testing.eventually(lambda: turns._value == 31)
        started = time.monotonic()
    assert time.monotonic() - started < 10
    connection.close()
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("storage")]
    await testing.eventually(lambda: not _reading(threads))
    assert await stopping.keys_under(user_id) == []
    assert await stopping.unfinished_uploads(user_id) == 0


def _reading(names: list[str]) -> list[str]:
    """Of these threads those that wait for more of an upload."""
    frames = sys._current_frames()
    found = []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        while thread.name in names and frame is not None:
            if frame.f_code.co_filename.endswith("reader.py"):
                found.append(thread.name)
                break
            frame = frame.f_back
    return found


async def test_files_stored_before_the_cut_stay(gateway, user_id, form, jpeg) -> None:
    whole, cut = jpeg(), jpeg(5000)
    form.photo("whole.jpg", whole).photo("cut.jpg", cut)
    connection = await _open(gateway, user_id, form, len(form.whole))
    await asyncio.to_thread(connection.sendall, form.whole[:-2000])
    await testing.eventually(lambda: len(gateway.photos.registered) == 1)
    connection.close()
    assert await gateway.keys_under(user_id) == [original_key(user_id, sha256(whole))]


@asynccontextmanager
async def _slow(gateway: Any, users: list[int], form: Any, jpeg: Any) -> AsyncIterator[list[socket.socket]]:
    """An upload of each, begun and not ended."""
    slow = type(form)().photo("slow.jpg", jpeg(5000))
    connections = [await _open(gateway, user, slow, len(slow.whole)) for user in users]
    for connection in connections:
        connection.sendall(slow.whole[:1000])
    yield connections
    for connection in connections:
        connection.close()


async def test_many_slow_uploads_of_one_user_hold_up_nobody_else(gateway, user_id, form, jpeg, send) -> None:
    turns = gateway.app.state.parts.uploads._turns._free
    async with _slow(gateway, [user_id + 1] * 40, form, jpeg):
        await testing.eventually(lambda: turns._value == 24)
        async with asyncio.timeout(5):
            assert (await send(form.photo("fast.jpg", jpeg()))).status_code == 201
            assert (await gateway.http.get("/ready")).status_code == 200
        assert turns._value == 24
    await testing.eventually(lambda: turns._value == 32)


async def test_many_slow_clients_do_not_hold_up_a_fast_one(start_gateway, user_id, form, jpeg, send) -> None:
    users = [user_id + 1 + number % 6 for number in range(48)]
    async with start_gateway(upload_idle_seconds=1.5) as hasty, _slow(hasty, users, form, jpeg) as connections:
        turns = hasty.app.state.parts.uploads._turns._free
        await testing.eventually(lambda: turns._value == 0)
        fast = asyncio.create_task(send(form.photo("fast.jpg", jpeg()), to=hasty))
        while not fast.done():
            for connection in connections:
                with suppress(OSError):
                    connection.send(b"x")
            await asyncio.wait([fast], timeout=0.2)
        assert (await fast).status_code == 201
        assert (await hasty.http.get("/ready")).status_code == 200


async def test_who_waits_too_long_for_a_turn_is_told_when_to_come_again(
    start_gateway, user_id, form, jpeg, send, error_of
) -> None:
    async with start_gateway(uploads_per_user=1, upload_wait_seconds=0.2) as busy:
        turns = busy.app.state.parts.uploads._turns._free
        async with _slow(busy, [user_id], form, jpeg):
            await testing.eventually(lambda: turns._value == 31)
            refused = await send(form.photo("a.jpg", jpeg()), to=busy)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
            assert error_of(refused)["code"] == "UPLOADS_BUSY"
        await testing.eventually(lambda: turns._value == 32)
        assert (await send(form, to=busy)).status_code == 201


async def test_memory_stays_small_whatever_the_size(gateway, user_id, form, jpeg) -> None:
    block, blocks = jpeg(1 << 20), 96
    head, tail = form.file("large.jpg", b"").body[:-2], b"\r\n--b0undary--\r\n"
    hashed = hashlib.sha256()

    async def body() -> AsyncIterator[bytes]:
        yield head
        for _ in range(blocks):
            hashed.update(block)
            yield block
        yield tail

    process, peak = psutil.Process(), 0
    before = process.memory_info().rss

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, process.memory_info().rss - before)
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    headers = {**form.headers, **gateway.login(user_id)}
    response = await gateway.http.post("/api/v1/photos/upload", content=body(), headers=headers)
    watching.cancel()
    assert response.status_code == 201
    assert response.json()["data"][0]["photo"]["sha256"] == hashed.hexdigest()
    print(f"96 MiB uploaded, RSS grew by {peak >> 20} MiB")
    assert peak < 48 << 20
