"""Idempotency-Key: of many with one key one is done, and all get its answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mizzap_common import testing
from mizzap_common.contracts import accounts, library, requests, shared_state
from mizzap_common.contracts.albums import Album, CreateAlbum
from mizzap_common.errors import Conflict, NotFound, Unavailable
from mizzap_gateway.kept_answers import KeptAnswers
from nats.js.errors import KeyNotFoundError

ALBUM: dict[str, Any] = {
    "id": 4, "name": "Été", "description": None, "cover_photo_id": None, "visibility": "private", "photo_count": 0,
    "owner_id": 1, "role": "owner", "version": 1,
    "created_at": "2025-10-23T10:00:00Z", "updated_at": "2025-10-23T10:00:00Z",
}  # fmt: skip


@pytest.fixture
def albums(gateway: Any) -> list[CreateAlbum]:
    """Makes an album for each question, and notes the question."""
    made: list[CreateAlbum] = []

    async def create(question: CreateAlbum) -> Album:
        made.append(question)
        return Album(**{**ALBUM, "id": len(made), "name": question.name})

    gateway.others.stand_ins[requests.ALBUMS_CREATE.subject] = create
    return made


@pytest.fixture
def create(gateway: Any, user_id: int) -> Callable[..., Any]:
    """``await create("Été", key)`` posts an album as this test's user, or as another."""

    async def post(name: str, key: str | None, to: Any = gateway, user: int = user_id) -> httpx.Response:
        headers = {**gateway.login(user), **({"Idempotency-Key": key} if key else {})}
        return await to.http.post("/api/v1/albums", json={"name": name}, headers=headers)

    return post


@pytest.fixture
def key() -> str:
    return str(uuid4())


async def test_the_same_key_gets_the_same_answer(albums, create, key) -> None:
    first, again = await create("Été", key), await create("Été", key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert again.headers["X-Content-Type-Options"] == "nosniff"
    assert len(albums) == 1


async def test_without_a_key_and_with_others_each_is_done(albums, create, user_id, key) -> None:
    await create("Été", None)
    await create("Été", None)
    await create("Été", key)
    await create("Été", str(uuid4()))
    await create("Été", key, user=user_id + 1)
    assert [question.user_id for question in albums] == [user_id] * 4 + [user_id + 1]


async def test_another_request_with_the_key_is_refused(gateway, albums, create, user_id, key, error_of) -> None:
    await create("Été", key)
    headers = {**gateway.login(user_id), "Idempotency-Key": key}
    for path, body in (
        ("/albums", {"name": "Hiver"}), ("/albums?x=1", {"name": "Été"}), ("/albums/1/photos", {"name": "Été"}),
    ):  # fmt: skip
        refused = await gateway.http.post(f"/api/v1{path}", json=body, headers=headers)
        assert refused.status_code == 422
        assert error_of(refused)["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert len(albums) == 1


@pytest.mark.parametrize("bad", ["", "a b", "x" * 256, "ä".encode(), b"a\tb"])
async def test_keys_are_visible_ascii(gateway, albums, user_id, error_of, bad) -> None:
    headers = {**gateway.login(user_id), "Idempotency-Key": bad}
    refused = await gateway.http.post("/api/v1/albums", json={"name": "x"}, headers=headers)
    assert refused.status_code == 400
    assert error_of(refused)["details"]["field"] == "Idempotency-Key"
    assert albums == []


async def test_two_hundred_at_once_over_two_gateways_are_one(start_gateway, gateway, albums, create, key) -> None:
    async with start_gateway() as other:
        answers = await asyncio.gather(
            *(create("Été", key, to=gateway if number % 2 else other) for number in range(200))
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len(albums) == 1


async def test_two_hundred_uploads_at_once_are_one_photo(gateway, user_id, key) -> None:
    registrations: list[library.RegisterPhoto] = []
    register = gateway.photos.register

    async def slowly(question: library.RegisterPhoto) -> library.RegisteredPhoto:
        registrations.append(question)
        return await register(question)

    gateway.others.stand_ins[requests.PHOTOS_REGISTER.subject] = slowly
    content, headers = _form(b"\xff\xd8\xff" + uuid4().bytes + bytes(100_000))
    headers |= {**gateway.login(user_id), "Idempotency-Key": key}
    async with httpx.AsyncClient(
        base_url=gateway.url, timeout=60, trust_env=False, limits=httpx.Limits(max_connections=200)
    ) as http:
        answers = await asyncio.gather(
            *(http.post("/api/v1/photos/upload", content=content, headers=headers) for _ in range(200))
        )
    gateway.others.stand_ins[requests.PHOTOS_REGISTER.subject] = register
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["data"][0]["status"] == "stored"
    assert len(registrations) == 1

    other, _ = _form(b"\xff\xd8\xff" + uuid4().bytes)
    refused = await gateway.http.post("/api/v1/photos/upload", content=other, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(registrations) == 1


def _form(photo: bytes) -> tuple[bytes, dict[str, str]]:
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    return head + photo + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


async def test_an_upload_that_was_cut_is_not_kept(gateway, user_id, key) -> None:
    content, headers = _form(b"\xff\xd8\xff" + uuid4().bytes + bytes(100_000))
    headers |= {**gateway.login(user_id), "Idempotency-Key": key}

    turns = gateway.app.state.parts.uploads._turns._free
    free = turns._value

    async def cut() -> AsyncIterator[bytes]:
        yield content[:50_000]
        await testing.eventually(lambda: turns._value == free - 1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await gateway.http.post("/api/v1/photos/upload", content=cut(), headers=headers)
    await testing.eventually(lambda: turns._value == free)
    answer = await gateway.http.post("/api/v1/photos/upload", content=content, headers=headers)
    if answer.status_code == 503:  # it came while the first was still believed to be there
        answer = await gateway.http.post("/api/v1/photos/upload", content=content, headers=headers)
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("trouble", [Unavailable("Not now."), Conflict("Please send it again.", code="UPLOAD_AGAIN")])
async def test_troubles_that_pass_are_not_kept(gateway, albums, create, key, trouble) -> None:
    gateway.others.say(requests.ALBUMS_CREATE, trouble)
    assert (await create("Été", key)).status_code == trouble.status
    gateway.others.clear()
    done = await create("Été", key)
    assert done.status_code == 201
    assert "Idempotency-Replayed" not in done.headers


async def test_refusals_for_good_are_kept(gateway, create, key) -> None:
    gateway.others.say(requests.ALBUMS_CREATE, NotFound("No."))
    first = await create("Été", key)
    gateway.others.clear()
    again = await create("Été", key)
    assert (first.status_code, again.status_code) == (404, 404)
    assert first.content == again.content


async def test_one_that_takes_too_long_is_told_so(start_gateway, gateway, create, key, error_of) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def slowly(_: CreateAlbum) -> Album:
        begun.set()
        await end.wait()
        return Album(**ALBUM)

    gateway.others.stand_ins[requests.ALBUMS_CREATE.subject] = slowly
    async with start_gateway(repetition_wait_seconds=0.2, claim_seconds=2) as hasty:
        first = asyncio.create_task(create("Été", key, to=hasty))
        await begun.wait()
        refused = await create("Été", key, to=hasty)
        assert refused.status_code == 409
        assert error_of(refused)["code"] == "IDEMPOTENCY_IN_FLIGHT"
        assert int(refused.headers["Retry-After"]) > 0
        # as long as it is worked on the claim is renewed, beyond its own time to live
        await asyncio.sleep(2.5)
        assert (await create("Été", key, to=hasty)).status_code == 409
        end.set()
        assert (await first).status_code == 201

        async def replayed() -> bytes | None:
            again = await create("Été", key, to=hasty)
            return again.content if "Idempotency-Replayed" in again.headers else None

        assert await testing.eventually(replayed) == (await first).content


async def test_a_gateway_that_dies_leaves_its_claim_to_the_next(start_gateway, gateway, albums, create, key) -> None:
    async with start_gateway(claim_seconds=1) as gateway_of_today:
        kept = KeptAnswers(gateway.bus, _nothing, 1)
        # as a gateway takes it that dies before it has renewed it
        probe = await create("Hiver", str(uuid4()), to=gateway_of_today)
        assert probe.status_code == 201
        name = await _name_of(gateway, create, key)
        assert await kept.claim(name) is not None
        done = await create("Été", key, to=gateway_of_today)
        assert done.status_code == 201
        assert "Idempotency-Replayed" not in done.headers


async def _name_of(gateway: Any, create: Any, key: str) -> str:
    """Where the record of a key lies: found by making one and taking it away again."""
    bucket = await gateway.bus.jetstream.key_value(shared_state.ANSWERS.name)
    before = set(await bucket.keys())
    await create("Été", key)
    (name,) = set(await bucket.keys()) - before
    await bucket.delete(name)
    with pytest.raises(KeyNotFoundError):
        await bucket.get(name)
    return str(name)


async def _nothing() -> None:
    pass


async def test_a_refresh_by_cookie_is_its_refresh_token_s(gateway, key) -> None:
    """Its repetition may come when the access token has expired; done twice it would end the session."""
    user = accounts.User(
        id=5, email="u@mizzap.test", username=None, full_name=None, country="FR", privacy_accepted=False,
        created_at="2025-10-23T10:00:00Z",
    )  # fmt: skip
    session = accounts.Session(user=user, access_token="a", refresh_token="r", expires_in=1, refresh_expires_in=2)
    gateway.others.say(requests.AUTH_REFRESH, session)

    async def refresh(access: str, token: str) -> httpx.Response:
        cookie = f"__Host-mizzap_access={access}; __Host-mizzap_refresh={token}"
        headers = {"Cookie": cookie, "Origin": gateway.url, "Idempotency-Key": key}
        found: httpx.Response = await gateway.http.post("/api/v1/auth/refresh", headers=headers)
        return found

    first, again = await refresh(gateway.signer.token(5), "one"), await refresh("expired", "one")
    assert first.status_code == again.status_code == 200
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers.get_list("set-cookie") == first.headers.get_list("set-cookie") != []
    assert (await refresh(gateway.signer.token(5), "another")).status_code == 422
    assert len(gateway.others.questions(requests.AUTH_REFRESH)) == 1


async def test_an_answer_too_large_to_keep_is_still_not_done_twice(gateway, albums, create, key, error_of) -> None:
    def incompressible(size: int) -> str:
        return "".join(uuid4().hex for _ in range(size // 32))

    made = 0

    async def large(question: CreateAlbum) -> Album:
        nonlocal made
        made += 1
        return Album(**{**ALBUM, "description": incompressible(900_000)})

    gateway.others.stand_ins[requests.ALBUMS_CREATE.subject] = large
    # the broker's own messages end at a megabyte; two hexadecimal digits are one byte of noise
    first = await create("Été", key)
    assert first.status_code == 201
    again = await create("Été", key)
    assert again.status_code in (201, 409)
    assert made == 1
    if again.status_code == 409:
        assert error_of(again)["code"] == "IDEMPOTENCY_ANSWER_TOO_LARGE"


async def test_without_the_broker_nothing_is_begun(start_gateway, albums, create, key, servers) -> None:
    async with start_gateway() as lonely:
        servers.kill("nats")
        try:
            refused = await create("Été", key, to=lonely)
        finally:
            servers.restart("nats")
        assert refused.status_code == 503
        assert albums == []

        async def works() -> bool:
            return (await create("Été", key, to=lonely)).status_code == 201

        await testing.eventually(works, 30)
    assert json.dumps([question.name for question in albums]) == json.dumps(["Été"])
