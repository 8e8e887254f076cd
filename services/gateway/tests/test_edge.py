"""CORS, body sizes, slow bodies, and what a bug looks like from outside."""

import asyncio
from urllib.parse import urlsplit

import pytest
from mizzap_common import testing
from mizzap_common.contracts import requests
from mizzap_gateway.origins import Origins
from mizzap_gateway.settings import GatewaySettings

PAGE = {"Origin": "https://app.mizzap.test"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_a_page_may_use_all_of_the_interface(start_gateway, method) -> None:
    asked = "authorization,content-type,idempotency-key,if-match,if-none-match,traceparent"
    preflight = {**PAGE, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": asked}
    async with start_gateway(cors_origins=("https://app.mizzap.test",)) as gateway:
        answer = await gateway.http.options("/api/v1/photos", headers=preflight)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE["Origin"]
        assert method in answer.headers["Access-Control-Allow-Methods"]
        allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
        assert set(asked.split(",")) <= allowed
        assert int(answer.headers["Access-Control-Max-Age"]) > 0


async def test_a_page_may_read_the_headers_it_needs_of_errors_too(start_gateway, error_of) -> None:
    async with start_gateway(cors_origins=("https://app.mizzap.test",)) as gateway:
        answer = await gateway.http.get("/api/v1/photos", headers=PAGE)
        assert answer.status_code == 401
        assert error_of(answer)["code"] == "UNAUTHORIZED"
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE["Origin"]
        assert "Origin" in answer.headers["Vary"]
        exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
        assert exposed >= {"ETag", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
                           "Idempotency-Replayed"}  # fmt: skip
        large = await gateway.http.post("/api/v1/albums", content=b" " * (2 << 20), headers=PAGE)
        assert large.status_code == 413
        assert error_of(large)["code"] == "TOO_LARGE"
        assert large.headers["Access-Control-Allow-Origin"] == PAGE["Origin"]


async def test_a_bug_is_told_in_our_shape_and_readable_by_a_page(gateway, ask, error_of) -> None:
    gateway.others.say(requests.PHOTOS_GET, None)
    gateway.others.stand_ins[requests.PHOTOS_GET.subject], kept = _broken, gateway.photos.get
    parts = gateway.app.state.parts
    bus_ask = parts.bus.ask
    parts.bus.ask = _broken
    try:
        answer = await ask("GET", "/photos/1", Origin="http://localhost:3000")
    finally:
        parts.bus.ask = bus_ask
        gateway.others.stand_ins[requests.PHOTOS_GET.subject] = kept
    assert answer.status_code == 500
    error = error_of(answer)
    assert error["code"] == "INTERNAL"
    assert "secret insides" not in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def _broken(*_: object) -> None:
    raise ZeroDivisionError("secret insides")


async def test_a_body_that_takes_too_long_is_given_up(start_gateway, user_id) -> None:
    async with start_gateway(body_seconds=0.3) as hasty:
        address = urlsplit(hasty.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        lines = ["POST /api/v1/albums HTTP/1.1", "Host: mizzap", "Content-Length: 100",
                 f"Authorization: {hasty.login(user_id)['Authorization']}", "", "{"]  # fmt: skip
        writer.write("\r\n".join(lines).encode())
        answer = b""

        async def read() -> bool:
            nonlocal answer
            answer += await reader.read(65536)
            return b"BODY_TOO_SLOW" in answer

        await testing.eventually(read, 5)
        assert answer.startswith(b"HTTP/1.1 408")
        writer.close()


@pytest.mark.parametrize(
    ("origin", "host", "may"),
    [
        (None, "api.mizzap.fr", True),
        ("https://app.mizzap.fr", "api.mizzap.fr", True),
        ("https://api.mizzap.fr", "api.mizzap.fr", True),
        ("http://localhost:3000", "127.0.0.1:8000", True),
        ("https://evil.test", "api.mizzap.fr", False),
        ("https://app.mizzap.fr.evil.test", "api.mizzap.fr", False),
        ("http://localhost.evil.test", "api.mizzap.fr", False),
        ("null", "api.mizzap.fr", False),
        ("", "", False),
        ("", "api.mizzap.fr", False),
    ],
)
def test_pages_that_may_open_a_socket(origin, host, may) -> None:
    origins = Origins(GatewaySettings(cors_origins=("https://app.mizzap.fr",)))
    assert origins.may_connect(origin, host) is may


def test_pages_of_this_machine_only_where_allowed() -> None:
    assert not Origins(GatewaySettings(cors_localhost=False)).may_connect("http://localhost:3000", "api.mizzap.fr")
