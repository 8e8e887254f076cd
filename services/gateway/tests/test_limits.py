"""Rate limits over real sockets and the real broker, two gateways on it where it matters."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
import websockets
from mizzap_common.contracts import library, requests, shared_state
from mizzap_common.errors import Conflict, Unauthorized
from mizzap_gateway.limits import Limiter

PHOTO = "/api/v1/photos/1"


@pytest.fixture
def still(monkeypatch) -> float:
    """A clock that stands at the beginning of a window of this test's own, for every limiter made from here on."""
    now = uuid4().int % 1_000_000 * 3600.0
    monkeypatch.setattr(Limiter.__init__, "__defaults__", (lambda: now,))
    return now


@asynccontextmanager
async def _two(start_gateway: Any, **settings: Any) -> AsyncIterator[tuple[Any, Any]]:
    async with start_gateway(limits_factor=1, **settings) as one, start_gateway(limits_factor=1, **settings) as other:
        yield one, other


async def test_two_gateways_let_a_user_in_a_hundred_times_a_minute_together(start_gateway, user_id, still) -> None:
    async with _two(start_gateway) as gateways:
        at_once = asyncio.Semaphore(40)

        async def ask(number: int) -> httpx.Response:
            gateway = gateways[number % 2]
            async with at_once:
                return await gateway.http.get(PHOTO, headers=gateway.login(user_id))

        answers = await asyncio.gather(*(ask(number) for number in range(150)))
        assert Counter(answer.status_code for answer in answers) == {404: 100, 429: 50}
        # what was refused has used nothing, and nobody else's hundred is touched
        stranger = await gateways[0].http.get(PHOTO, headers=gateways[0].login(user_id + 1))
        assert stranger.headers["RateLimit-Remaining"] == "99"
        remaining = sorted(int(a.headers["RateLimit-Remaining"]) for a in answers if a.status_code == 404)
        assert remaining == list(range(100))


async def test_a_refusal_says_when_to_come_back(start_gateway, user_id, error_of, still) -> None:
    async with start_gateway(limits_factor=1, api_per_minute=2) as gateway:
        for left in ("1", "0"):
            answer = await gateway.http.get(PHOTO, headers=gateway.login(user_id))
            assert answer.headers["RateLimit-Limit"] == "2"
            assert answer.headers["RateLimit-Remaining"] == left
            assert answer.headers["RateLimit-Reset"] == "60"
            assert answer.headers["RateLimit"] == f'"api";r={left};t=60'
            assert answer.headers["RateLimit-Policy"] == '"api";q=2;w=60'
        refused = await gateway.http.get(PHOTO, headers={**gateway.login(user_id), "Origin": "http://localhost:3000"})
        assert refused.status_code == 429
        error = error_of(refused)
        assert error["code"] == "RATE_LIMITED"
        assert error["details"]["limit"] == "api" and error["details"]["quota"] == 2
        # one fits again when half of the next minute has gone by
        assert int(refused.headers["Retry-After"]) == error["details"]["retryAfterSeconds"] == 90
        assert "Retry-After" in refused.headers["Access-Control-Expose-Headers"]


async def test_uploads_thumbnails_and_the_rest_have_budgets_of_their_own(start_gateway, user_id, still) -> None:
    async with start_gateway(limits_factor=1, api_per_minute=1) as gateway:
        gateway.others.say(requests.PHOTOS_PRECHECK, library.KnownHashes(known=[]))

        async def ask(method: str, path: str, **more: Any) -> httpx.Response:
            return await gateway.http.request(method, f"/api/v1{path}", headers=gateway.login(user_id), **more)

        assert (await ask("GET", "/photos/1")).status_code == 404
        assert (await ask("GET", "/photos/1")).status_code == 429
        for _ in range(120):
            assert (await ask("GET", "/photos/1/thumbnail")).status_code == 404
        checked = await ask("POST", "/photos/precheck", json={"sha256": []})
        assert checked.status_code == 200
        assert '"uploads";q=3000;w=60, "upload-bytes"' in checked.headers["RateLimit-Policy"]


async def test_who_comes_by_cookie_has_the_same_budget(start_gateway, user_id, still) -> None:
    async with start_gateway(limits_factor=1, api_per_minute=2) as gateway:
        cookie = {"Cookie": f"__Host-mizzap_access={gateway.signer.token(user_id)}"}
        answers = [await gateway.http.get(PHOTO, headers=who) for who in (cookie, gateway.login(user_id), cookie)]
        assert [answer.status_code for answer in answers] == [404, 404, 429]
        # two credentials are nobody's: they count to the address
        both = await gateway.http.get(PHOTO, headers={**cookie, **gateway.login(user_id)})
        assert both.status_code == 400
        assert both.headers["RateLimit-Policy"] == '"anonymous";q=100;w=60'


async def test_uploaded_bytes_are_counted_whether_announced_or_not(start_gateway, user_id, still) -> None:
    async with start_gateway(limits_factor=1, upload_bytes_per_hour=1000) as gateway:

        async def send(content: Any) -> httpx.Response:
            headers = {**gateway.login(user_id), "Content-Type": "text/plain"}
            return await gateway.http.post("/api/v1/photos/precheck", content=content, headers=headers)

        async def in_pieces() -> AsyncIterator[bytes]:
            yield b"x" * 300

        assert (await send(b"x" * 600)).status_code == 400
        assert (await send(in_pieces())).status_code == 400
        # 900 are used: the next one fits, and goes beyond
        assert (await send(b"x" * 5000)).status_code == 400
        refused = await send(b"x")
        assert refused.status_code == 429
        assert refused.json()["error"]["details"]["unit"] == "content-bytes"


async def test_guessing_is_slowed_down_by_address_and_by_email(start_gateway, user_id, error_of, still) -> None:
    wrong = {"password": "a guess"}
    async with start_gateway(limits_factor=1, auth_per_minute=1000, auth_per_email_per_minute=3) as gateway:
        gateway.others.say(requests.AUTH_LOGIN, Unauthorized("No.", code="INVALID_CREDENTIALS"))

        async def guess(email: str) -> httpx.Response:
            return await gateway.http.post("/api/v1/auth/login", json={"email": email, **wrong})

        email = f"u{user_id}@mizzap.test"
        assert [(await guess(e)).status_code for e in (email, email.upper(), f" {email}")] == [401, 401, 401]
        assert (await guess(email)).status_code == 429
        assert (await guess(f"u{user_id}@ⓜｉｚｚａｐ。test")).status_code == 429, (
            "which auth takes for the same account"
        )
        assert (await guess(f"other{email}")).status_code == 401
        asked = len(gateway.others.questions(requests.AUTH_LOGIN))
        assert asked == 4
        assert [(await guess(f"no address {user_id}")).status_code for _ in range(4)] == [401, 401, 401, 429]
    async with start_gateway(limits_factor=1, auth_per_minute=1) as gateway:
        answers = [await gateway.http.post("/api/v1/auth/login", json={"email": f"{n}@b.c", **wrong}) for n in range(3)]
        assert error_of(answers[-1])["code"] == "RATE_LIMITED"


async def test_who_has_an_account_can_t_be_tried_out_by_registering(start_gateway, user_id, error_of, still) -> None:
    async with start_gateway(limits_factor=1, registrations_per_minute=2) as gateway:
        gateway.others.say(requests.AUTH_REGISTER, Conflict("Taken.", code="EMAIL_TAKEN"))

        async def walk(number: int, **headers: str) -> httpx.Response:
            said = {"email": f"u{number}@mizzap.test", "password": "long enough", "privacyAccepted": True}
            return await gateway.http.post("/api/v1/auth/register", json=said, headers=headers)

        answers = [await walk(1), await walk(2), await walk(3)]
        assert [answer.status_code for answer in answers] == [409, 409, 429]
        assert error_of(answers[-1])["details"]["limit"] == "registrations"
        assert (await walk(4, **gateway.login(user_id))).status_code == 429, "an account is no way around it"
        assert len(gateway.others.questions(requests.AUTH_REGISTER)) == 2


async def test_a_token_is_no_way_to_guess_faster(start_gateway, user_id, still) -> None:
    async with start_gateway(limits_factor=1, auth_per_minute=2) as gateway:
        gateway.others.say(requests.AUTH_LOGIN, Unauthorized("No.", code="INVALID_CREDENTIALS"))
        guess = {"json": {"email": f"u{user_id}@mizzap.test", "password": "a guess"}}
        tokens: list[dict[str, str]] = [gateway.login(user_id), {}, gateway.login(user_id + 1)]
        answers = [await gateway.http.post("/api/v1/auth/login", headers=token, **guess) for token in tokens]
    assert [answer.status_code for answer in answers] == [401, 401, 429]


async def test_a_stolen_token_finds_no_password_from_many_addresses(start_gateway, user_id, still) -> None:
    async with start_gateway(limits_factor=1, auth_per_minute=1000, auth_per_email_per_minute=2) as gateway:
        wrong = Unauthorized("No.", code="INVALID_CREDENTIALS")
        gateway.others.say(requests.AUTH_CHANGE_PASSWORD, wrong)
        gateway.others.say(requests.AUTH_CLOSE_ACCOUNT, wrong)

        async def guess(method: str, what: str, user: int, **body: str) -> int:
            url = f"/api/v1/auth/{what}"
            return (await gateway.http.request(method, url, json=body, headers=gateway.login(user))).status_code

        change = {"currentPassword": "a guess", "newPassword": "long enough"}
        assert await guess("POST", "password", user_id, **change) == 401
        assert await guess("DELETE", "account", user_id, password="a guess") == 401
        assert await guess("POST", "password", user_id, **change) == 429
        assert await guess("DELETE", "account", user_id, password="a guess") == 429
        assert await guess("POST", "password", user_id + 1, **change) == 401


async def test_health_is_never_limited_and_bad_tokens_are_limited_by_address(start_gateway, still) -> None:
    async with start_gateway(limits_factor=1, anonymous_per_minute=2) as gateway:
        answers = [await gateway.http.get(PHOTO, headers={"Authorization": "Bearer x.y.z"}) for _ in range(4)]
        assert answers[-1].status_code == 429
        assert (await gateway.http.get("/.well-known/jwks.json")).status_code == 429
        for _ in range(10):
            assert (await gateway.http.get("/live")).status_code == 200


async def test_handshakes_are_counted_by_address_whoever_asks(start_gateway, user_id, still) -> None:
    async with start_gateway(limits_factor=1, handshakes_per_minute=4) as gateway:
        address = f"{gateway.url.replace('http', 'ws', 1)}/ws?token="
        for token in (gateway.signer.token(user_id), "x.y.z") * 2:
            async with websockets.connect(address + token, proxy=None):
                pass
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(address + gateway.signer.token(user_id), proxy=None)
        answer = refused.value.response
        assert (answer.status_code, json.loads(answer.body)["error"]["code"]) == (429, "RATE_LIMITED")
        assert answer.headers["RateLimit-Policy"] == '"handshakes";q=4;w=60'
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await gateway.http.get(PHOTO, headers=gateway.login(user_id))).status_code != 429


async def test_addresses_are_no_part_of_what_the_broker_holds(start_gateway, gateway, still) -> None:
    async with start_gateway(limits_factor=1) as limited:
        await limited.http.post("/api/v1/auth/login", json={"email": "canary@mizzap.test", "password": "x"})
    info = await gateway.bus.jetstream.stream_info(shared_state.counter_stream(60), subjects_filter=">")
    subjects = json.dumps(info.state.subjects)
    assert "auth-email" in subjects
    assert "canary" not in subjects and "127.0.0.1" not in subjects


async def test_the_broker_forgets_counters_when_it_starts_again(start_gateway, user_id, servers, still) -> None:
    async with start_gateway(limits_factor=1, api_per_minute=2) as gateway:

        async def ask() -> httpx.Response:
            return await gateway.http.get(PHOTO, headers=gateway.login(user_id))

        assert (await ask()).headers["RateLimit-Remaining"] == "1"
        await gateway.bus.jetstream.delete_stream(shared_state.counter_stream(60))
        # made anew by whoever needs it first
        assert (await ask()).headers["RateLimit-Remaining"] == "1"
        info = await gateway.bus.jetstream.stream_info(shared_state.counter_stream(60))
        assert info.config.storage == "memory"


async def test_a_partner_fetches_a_whole_order_beyond_the_anonymous_budget(start_gateway) -> None:
    async with start_gateway(limits_factor=1.0, anonymous_per_minute=5, shared_files_per_minute=500) as gateway:
        found = [await gateway.http.get(f"/api/v1/integrations/files/link-{n}") for n in range(20)]
    assert 429 not in {answer.status_code for answer in found}
    assert '"shared-files";q=500;w=60' in found[-1].headers["RateLimit-Policy"]
    assert '"shared-file-bytes"' in found[-1].headers["RateLimit-Policy"]
