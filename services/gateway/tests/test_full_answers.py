"""The room for kept answers: nobody fills it alone, and when it is full nothing is done twice."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mizzap_common import testing
from mizzap_common.contracts import requests, shared_state
from mizzap_common.contracts.albums import Album, CreateAlbum
from nats.js import JetStreamContext
from nats.js.errors import APIError
from nats.js.kv import KeyValue

from services.gateway.tests.test_idempotency import ALBUM

BUCKET = shared_state.ANSWERS


@pytest.fixture
def key() -> str:
    return str(uuid4())


@pytest.fixture
def post(gateway: Any, user_id: int) -> Callable[..., Any]:
    """``await post("/albums", {"name": "Été"}, key)`` as this test's user, ``user=None`` as nobody."""

    async def post(path: str, body: Any, key: str, to: Any = gateway, user: int | None = user_id) -> httpx.Response:
        headers = {"Idempotency-Key": key} | ({} if user is None else gateway.login(user))
        found: httpx.Response = await to.http.post(f"/api/v1{path}", json=body, headers=headers)
        return found

    return post


@pytest.fixture
async def narrow(gateway: Any) -> AsyncIterator[Callable[[int], Any]]:
    """``await narrow(4000)`` leaves so many bytes of room in the bucket, until the test ends."""
    jetstream: JetStreamContext = gateway.bus.jetstream
    config = (await jetstream.stream_info(BUCKET.stream)).config

    async def leave(room: int) -> None:
        used = (await jetstream.stream_info(BUCKET.stream)).state.bytes
        await jetstream.update_stream(config.evolve(max_bytes=used + room))

    yield leave
    await jetstream.purge_stream(BUCKET.stream)
    await jetstream.update_stream(config)


async def _fill(bucket: KeyValue) -> None:
    """To the last byte: with large values, then with smaller and smaller ones."""
    size = 1 << 16
    while size:
        try:
            await bucket.put(f"filling-{secrets.token_hex(8)}", secrets.token_bytes(size - 1))
        except APIError:
            size //= 2


async def test_a_long_list_of_unknown_fields_is_told_in_short(gateway, post, key, error_of) -> None:
    names = [secrets.token_hex(500) for _ in range(680)]
    answer = await post("/auth/login", dict.fromkeys(names, 1), key, user=None)
    assert answer.status_code == 400
    error = error_of(answer)
    assert len(error["details"]["problems"]) == 20
    assert all(0 < len(problem["field"]) <= 100 for problem in error["details"]["problems"])
    assert len(answer.content) < 5000


async def test_what_was_wrong_takes_no_room(start_gateway, gateway, post, key) -> None:
    gateway.others.say(requests.ALBUMS_CREATE, Album(**ALBUM))
    jetstream = gateway.bus.jetstream
    async with start_gateway(claim_seconds=1) as hasty:
        # from an empty one: what other tests left there goes by itself meanwhile
        await jetstream.purge_stream(BUCKET.stream)
        before = (await jetstream.stream_info(BUCKET.stream)).state.bytes
        for _ in range(2):
            wrong = await post("/albums", {"nam": "Été"}, key, to=hasty)
            assert (wrong.status_code, wrong.headers.get("Idempotency-Replayed")) == (400, None)

        async def nothing_is_left() -> bool:
            return bool((await jetstream.stream_info(BUCKET.stream)).state.bytes == before)

        await testing.eventually(nothing_is_left)
        assert (await post("/albums", {"name": "Été"}, key, to=hasty)).status_code == 201


async def test_an_answer_without_room_is_not_done_twice(gateway, post, narrow, key, error_of) -> None:
    made: list[CreateAlbum] = []

    async def create(question: CreateAlbum) -> Album:
        made.append(question)
        return Album(**{**ALBUM, "description": secrets.token_hex(50_000)})

    gateway.others.stand_ins[requests.ALBUMS_CREATE.subject] = create
    await gateway.bus.jetstream.purge_stream(BUCKET.stream)
    await narrow(2000)
    first, again = [await post("/albums", {"name": "Été"}, key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 409)
    assert error_of(again)["code"] == "IDEMPOTENCY_ANSWER_TOO_LARGE"
    assert len(made) == 1


async def test_a_full_bucket_leaves_those_under_way_their_claims(start_gateway, gateway, post, narrow, key) -> None:
    begun, end = asyncio.Event(), asyncio.Event()
    made: list[CreateAlbum] = []

    async def slowly(question: CreateAlbum) -> Album:
        made.append(question)
        begun.set()
        await end.wait()
        return Album(**ALBUM)

    gateway.others.stand_ins[requests.ALBUMS_CREATE.subject] = slowly
    jetstream = gateway.bus.jetstream
    bucket = await jetstream.key_value(BUCKET.name)
    async with start_gateway(claim_seconds=1, repetition_wait_seconds=0.1) as hasty:
        first = asyncio.create_task(post("/albums", {"name": "Été"}, key, to=hasty))
        await begun.wait()
        last = (await jetstream.stream_info(BUCKET.stream)).state.last_seq
        (name,) = [name for name in await bucket.keys() if ((await bucket.get(name)).value or b"")[:1] == b"c"]
        await narrow(1 << 16)
        await _fill(bucket)

        async def lasts() -> bool:
            message = await jetstream.get_last_msg(BUCKET.stream, f"{BUCKET.prefix}{name}")
            return (message.seq or 0) > last and "Nats-TTL" not in (message.headers or {})

        # it can't be renewed any more, so it does not expire any more
        await testing.eventually(lasts)
        assert (await post("/albums", {"name": "Été"}, str(uuid4()), to=hasty)).status_code == 503
        assert (await post("/albums", {"name": "Été"}, key, to=hasty)).status_code == 409
        end.set()
        assert (await first).status_code == 201
        assert (await post("/albums", {"name": "Été"}, key, to=hasty)).status_code == 409
    assert len(made) == 1


async def test_nothing_is_begun_that_might_find_no_room(gateway, post, narrow, key) -> None:
    gateway.others.say(requests.ALBUMS_CREATE, Album(**ALBUM))
    jetstream = gateway.bus.jetstream
    await jetstream.purge_stream(BUCKET.stream)
    assert (await post("/albums", {"name": "Été"}, key)).status_code == 201
    await narrow(1_000_000)
    bucket = await jetstream.key_value(BUCKET.name)
    room = (await jetstream.stream_info(BUCKET.stream)).config.max_bytes
    await bucket.put("filling", bytes(int(room * 0.9)))

    async def refused() -> bool:
        return bool((await post("/albums", {"name": "Été"}, str(uuid4()))).status_code == 503)

    await testing.eventually(refused)
    assert (await jetstream.stream_info(BUCKET.stream)).state.bytes < room * 0.97
    asked = len(gateway.others.questions(requests.ALBUMS_CREATE))
    assert await refused()
    assert len(gateway.others.questions(requests.ALBUMS_CREATE)) == asked
    # what is kept is repeated all the same
    assert (await post("/albums", {"name": "Été"}, key)).headers["Idempotency-Replayed"] == "true"
    await bucket.delete("filling")
    await testing.eventually(lambda: _not(refused))


async def _not(refused: Callable[[], Any]) -> bool:
    return not await refused()


async def test_who_keeps_too_much_waits_and_nobody_else(start_gateway, gateway, post, user_id, key, error_of) -> None:
    gateway.others.say(requests.ALBUMS_CREATE, Album(**ALBUM))
    async with start_gateway(limits_factor=1.0, kept_answer_bytes_per_hour=1) as strict:
        assert (await post("/albums", {"name": "Été"}, key, to=strict)).status_code == 201

        async def refused() -> bool:
            answer = await post("/albums", {"name": "Été"}, str(uuid4()), to=strict)
            return answer.status_code == 429 and error_of(answer)["details"]["limit"] == "kept-answers"

        # counted when the answer is out already
        await testing.eventually(refused)
        assert (await post("/albums", {"name": "Été"}, key, to=strict)).headers["Idempotency-Replayed"] == "true"
        other = await post("/albums", {"name": "Été"}, str(uuid4()), to=strict, user=user_id + 1)
        assert other.status_code == 201
