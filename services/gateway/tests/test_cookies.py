"""Tokens as cookies: how they are set, whose pages may use them, never together with a header."""

import asyncio
import json
import re
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
import websockets
from mizzap_common import testing
from mizzap_common.contracts import accounts, catalog, events, requests
from mizzap_gateway.app import build
from mizzap_gateway.settings import GatewaySettings

ACCESS, REFRESH = "__Host-mizzap_access", "__Host-mizzap_refresh"
CREDENTIALS = {"email": "u@mizzap.test", "password": "correct horse"}
USER = accounts.User(
    id=5, email="u@mizzap.test", username=None, full_name=None, country="FR", privacy_accepted=False,
    created_at=datetime(2025, 10, 23, tzinfo=UTC),
)  # fmt: skip
SESSION = accounts.Session(
    user=USER, access_token="a", refresh_token="r", expires_in=3600, refresh_expires_in=86400
)  # fmt: skip
ENDED = accounts.EndedSessions(session_ids=[])


def _cookie(response: httpx.Response, name: str) -> Any:
    [morsel] = [
        SimpleCookie(header)[name]
        for header in response.headers.get_list("set-cookie")
        if header.startswith(f"{name}=")
    ]
    return morsel


async def _call(gateway: Any, method: str, path: str, origin: str | None = "own", **more: Any) -> httpx.Response:
    """With a session's cookies, as a browser sends them."""
    token = gateway.signer.token(5)
    headers = {"Cookie": f"{ACCESS}={token}; {REFRESH}=r", **more.pop("headers", {})}
    if origin is not None:
        headers["Origin"] = gateway.url if origin == "own" else origin
    found: httpx.Response = await gateway.http.request(method, f"/api/v1{path}", headers=headers, **more)
    return found


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/auth/register", requests.AUTH_REGISTER, 201), ("/auth/login", requests.AUTH_LOGIN, 200)],
)
async def test_who_asks_for_cookies_gets_the_tokens_nowhere_else(gateway, path, method, status) -> None:
    gateway.others.say(method, SESSION)
    response = await _call(gateway, "POST", path, json={**CREDENTIALS, "cookies": True})
    assert response.status_code == status
    data = response.json()["data"]
    assert (data["accessToken"], data["refreshToken"]) == (None, None) and data["user"]["id"] == 5
    for name, value, seconds in ((ACCESS, "a", 3600), (REFRESH, "r", 86400)):
        cookie = _cookie(response, name)
        assert cookie.value == value and cookie["max-age"] == str(seconds)
        assert cookie["httponly"] and cookie["secure"] and cookie["path"] == "/" and not cookie["domain"]
        assert cookie["samesite"].lower() == "strict"
    response = await gateway.http.post(f"/api/v1{path}", json=CREDENTIALS)
    assert response.json()["data"]["accessToken"] == "a" and "set-cookie" not in response.headers
    assert not hasattr(gateway.others.questions(method)[0], "cookies")


async def test_a_cookie_tells_who_is_calling(gateway) -> None:
    gateway.others.say(requests.AUTH_ME, SESSION.user)
    assert (await _call(gateway, "GET", "/auth/me", origin=None)).status_code == 200
    assert gateway.others.questions(requests.AUTH_ME)[0].user_id == 5


async def test_a_forged_cookie_is_refused(gateway) -> None:
    response = await _call(gateway, "GET", "/auth/me", headers={"Cookie": f"{ACCESS}=a.b.c"})
    assert response.status_code == 401


@pytest.mark.parametrize("header", ["Bearer {}", "Bearer x", "Basic dTpw", ""])
async def test_two_credentials_are_one_too_many(gateway, error_of, header) -> None:
    headers = {"Authorization": header.format(gateway.signer.token(5))}
    response = await _call(gateway, "GET", "/auth/me", headers=headers)
    assert response.status_code == 400
    assert error_of(response)["code"] == "TWO_CREDENTIALS"


async def test_a_refresh_token_comes_in_one_place(gateway, error_of) -> None:
    response = await _call(gateway, "POST", "/auth/refresh", json={"refreshToken": "r"})
    assert response.status_code == 400
    assert error_of(response)["code"] == "TWO_CREDENTIALS"


@pytest.mark.parametrize("body", [None, {}])
async def test_refreshing_by_cookie(gateway, body) -> None:
    gateway.others.say(requests.AUTH_REFRESH, SESSION.model_copy(update={"refresh_token": "next"}))
    response = await _call(gateway, "POST", "/auth/refresh", json=body)
    assert response.status_code == 200
    assert gateway.others.questions(requests.AUTH_REFRESH)[0].refresh_token == "r"
    assert _cookie(response, REFRESH).value == "next"
    assert response.json()["data"]["refreshToken"] is None


@pytest.mark.parametrize("token", ["x" * 513, "x" * 4000])
async def test_a_strange_refresh_cookie_is_a_wrong_one(gateway, error_of, token) -> None:
    headers = {"Cookie": f"{REFRESH}={token}"}
    response = await _call(gateway, "POST", "/auth/refresh", headers=headers)
    assert response.status_code == 401
    assert error_of(response)["code"] == "INVALID_REFRESH_TOKEN"


async def test_logging_out_clears_the_cookies(gateway) -> None:
    gateway.others.say(requests.AUTH_END_SESSION, ENDED)
    response = await _call(gateway, "POST", "/auth/logout")
    assert response.status_code == 200
    for name in (ACCESS, REFRESH):
        assert _cookie(response, name).value == "" and _cookie(response, name)["max-age"] == "0"
    assert response.headers["Clear-Site-Data"] == '"cache"'
    response = await gateway.http.post("/api/v1/auth/logout", headers=gateway.login(5))
    assert "set-cookie" not in response.headers and "clear-site-data" not in response.headers


_CHANGING = [
    (method.upper(), re.sub(r"{\w+}", "7", path.removeprefix("/api/v1")))
    for path, operations in build(GatewaySettings()).openapi()["paths"].items()
    for method, operation in operations.items()
    if method != "get" and operation.get("security")
]


@pytest.mark.parametrize(("method", "path"), _CHANGING)
async def test_no_other_page_changes_anything(gateway, error_of, method, path) -> None:
    for origin in (None, "null", "", "https://evil.test", f"{gateway.url}.evil.test", "http://localhost:1"):
        response = await _call(gateway, method, path, origin=origin)
        assert response.status_code == 403, (method, path, origin)
        assert error_of(response)["code"] == "ORIGIN_REFUSED"
    assert {subject for subject, _ in gateway.others.asked} <= {"rpc.dedup.model"}


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
async def test_no_other_page_logs_anybody_in(gateway, error_of, path) -> None:
    body = {**CREDENTIALS, "cookies": True}
    for headers in ({"Origin": "https://evil.test"}, {}):
        response = await gateway.http.post(f"/api/v1{path}", json=body, headers=headers)
        assert response.status_code == 403
        assert error_of(response)["code"] == "ORIGIN_REFUSED"


async def test_no_other_page_refreshes(gateway) -> None:
    for origin in (None, "https://evil.test"):
        assert (await _call(gateway, "POST", "/auth/refresh", origin=origin)).status_code == 403


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("https://mizzap.test", "mizzap.test", True),
        ("https://MIZZAP.test", "mizzap.test", True),
        ("https://mizzap.test", "mizzap.test:443", True),
        ("https://mizzap.test:443", "mizzap.test", True),
        ("http://mizzap.test", "mizzap.test:80", True),
        ("https://mizzap.test:8443", "mizzap.test", False),
        ("http://mizzap.test", "mizzap.test:443", False),
        ("https://mizzap.test.evil.test", "mizzap.test", False),
        ("https://evil.test/mizzap.test", "mizzap.test", False),
        ("https://mizzap.test@evil.test", "mizzap.test", False),
        ("https://evil@mizzap.test", "mizzap.test", False),
        ("ftp://mizzap.test", "mizzap.test", False),
        ("https://mizzap.test:99999", "mizzap.test", False),
        ("https://[", "[", False),
        ("https://", "", False),
        ("https://app.listed.test", "mizzap.test", True),
        ("http://app.listed.test", "mizzap.test", False),
        ("https://app.listed.test:444", "mizzap.test", False),
    ],
)
async def test_whose_page_is_ours(start_gateway, origin, host, allowed) -> None:
    async with start_gateway(cors_origins=("https://app.listed.test",)) as gateway:
        gateway.others.say(requests.AUTH_UPDATE_PROFILE, SESSION.user)
        response = await _call(gateway, "PUT", "/auth/profile", origin=origin, json={}, headers={"Host": host})
        assert response.status_code == (200 if allowed else 403)


async def test_cookies_cross_origins_only_to_listed_pages(start_gateway) -> None:
    async with start_gateway(cors_origins=("https://app.listed.test",)) as gateway:
        asks = {"Access-Control-Request-Method": "POST"}
        for origin, allowed, cookies in (
            ("https://app.listed.test", "https://app.listed.test", "true"),
            ("http://localhost:3000", "http://localhost:3000", None),
            ("https://evil.test", None, None),
        ):
            preflight = await gateway.http.options("/api/v1/photos", headers={"Origin": origin, **asks})
            answer = await gateway.http.get("/.well-known/jwks.json", headers={"Origin": origin})
            for response in (preflight, answer):
                assert response.headers.get("access-control-allow-origin") == allowed
                assert response.headers.get("access-control-allow-credentials") == cookies


@pytest.mark.parametrize(
    ("origin", "query", "allowed"),
    [("own", "", True), (None, "", False), ("https://evil.test", "", False), ("own", "?token=x", False)],
)
async def test_a_socket_by_cookie(gateway, origin, query, allowed) -> None:
    headers = {"Cookie": f"{ACCESS}={gateway.signer.token(5)}"}
    address = f"{gateway.url.replace('http', 'ws')}/ws{query}"
    page = gateway.url if origin == "own" else origin
    async with websockets.connect(address, proxy=None, origin=page, additional_headers=headers) as connection:
        if not allowed:
            async with asyncio.timeout(5):
                await connection.wait_closed()
            assert connection.close_code == 4401
            return
        payload = events.PhotoProcessed(user_id=5, photo_id=9)
        await testing.publish_event(gateway.bus.jetstream, catalog.PHOTO_PROCESSED, payload)
        async with asyncio.timeout(5):
            assert json.loads(await connection.recv())["data"]["photoId"] == 9


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/129.0 Safari/537.36 Edg/129.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14) AppleWebKit/605 Version/17 Safari/605", "Safari on Mac"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17 like Mac OS X) AppleWebKit Mobile Safari/604", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit Chrome/129.0 Mobile Safari/537", "Chrome on Android"),
        ("MIZZAP/1.2 (Android)", "Android"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("\x01" * 500, "Unknown device"),
        ("A" * 5000, "A" * 40),
        ("", "Unknown device"),
    ],
)
async def test_a_session_is_named_after_its_device(gateway, user_agent, name) -> None:
    gateway.others.say(requests.AUTH_LOGIN, SESSION)
    if user_agent.isprintable():  # what an HTTP client can send at all
        await gateway.http.post("/api/v1/auth/login", json=CREDENTIALS, headers={"User-Agent": user_agent})
        assert gateway.others.questions(requests.AUTH_LOGIN)[-1].device_name == name
    named = {**CREDENTIALS, "deviceName": " Ada's phone "}
    await gateway.http.post("/api/v1/auth/login", json=named, headers={"User-Agent": "x"})
    assert gateway.others.questions(requests.AUTH_LOGIN)[-1].device_name == "Ada's phone"
