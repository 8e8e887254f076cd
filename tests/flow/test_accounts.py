"""Accounts over the real auth service and gateways: the key rotation of docs/operations.md, sessions, cookies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mizzap_auth import passwords
from mizzap_auth.app import build as build_auth
from mizzap_auth.settings import AuthSettings
from mizzap_common import migrations, testing
from mizzap_common.sealed import new_key_ring
from mizzap_gateway.app import build as build_gateway
from mizzap_gateway.settings import GatewaySettings

_TOKENS_A_STEP = 40
_REFETCH_SECONDS = 0.2
_LIFETIME_SECONDS = 0.5


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not what this is about."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)


def _write_key(path: Path) -> Path:
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


@pytest.fixture
async def start_gateway(nats_url: str, s3_settings: testing.Store) -> AsyncIterator[Callable[[], Any]]:
    """``async with start_gateway() as http`` runs one; they know of each other by the broker alone."""

    @asynccontextmanager
    async def start() -> AsyncIterator[httpx.AsyncClient]:
        settings = testing.settings_for(
            GatewaySettings, nats_url, s3_settings,
            limits_factor=1000, key_refetch_seconds=_REFETCH_SECONDS, key_lifetime_seconds=_LIFETIME_SECONDS,
        )  # fmt: skip
        app = build_gateway(settings)
        transport = httpx.ASGITransport(app=app)
        async with (
            testing.running(app),
            httpx.AsyncClient(transport=transport, base_url="https://mizzap.test", timeout=30) as http,
        ):
            yield http

    async with testing.outsider(nats_url):
        yield start


@pytest.fixture
async def auth_with(
    nats_url: str, s3_settings: testing.Store, make_database: Callable[[str], str], tmp_path: Path
) -> Callable[..., Any]:
    """``async with auth_with(signing, *published)`` runs the auth service with these keys, on one database."""
    url, ring = make_database("auth"), tmp_path / "ring.json"
    ring.write_text(new_key_ring("1"))
    await asyncio.to_thread(migrations.upgrade, "mizzap_auth", url)

    def run(signing: Path, *published: Path) -> Any:
        settings = testing.settings_for(
            AuthSettings, nats_url, s3_settings, url,
            signing_key_file=signing, published_key_files=published, key_ring_file=ring,
        )  # fmt: skip
        return testing.running(build_auth(settings))

    return run


class Everybody:
    """All sessions that were ever made, with every token of theirs that should still count."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.tokens: list[str] = []
        self.refresh_tokens: list[str] = []
        self.turns = asyncio.Semaphore(8)

    async def come(self) -> str:
        """Somebody registers, logs in on more devices, refreshes there. Gives the key's id that signed it all."""
        person = {"email": f"{uuid4()}@mizzap.test", "password": "correct horse"}
        await self._post("/register", person)
        for _ in range(_TOKENS_A_STEP // 2):
            session = await self._post("/login", person)
            session = await self._post("/refresh", {"refreshToken": session["refreshToken"]})
            self.refresh_tokens.append(session["refreshToken"])
        return str(jwt.get_unverified_header(self.tokens[-1])["kid"])

    async def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        response = await self.http.post(f"/api/v1/auth{path}", json=body)
        assert response.is_success, response.text
        session: dict[str, Any] = response.json()["data"]
        self.tokens.append(session["accessToken"])
        return session

    async def statuses(self) -> list[int]:
        return list(await asyncio.gather(*map(self.status, self.tokens)))

    async def status(self, token: str) -> int:
        async with self.turns:
            response = await self.http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
        return response.status_code

    async def refresh_all(self) -> None:
        for token in self.refresh_tokens:
            await self._post("/refresh", {"refreshToken": token})
        self.refresh_tokens.clear()

    async def made_up(self) -> None:
        """A forger's token, which must not keep anybody else's from being believed."""
        assert await self.status(jwt.encode({}, "k" * 32, "HS256", {"kid": str(uuid4())})) == 401


async def _all(status: int, look: Callable[[], Awaitable[list[int]]]) -> None:
    found = await look()
    assert found and set(found) == {status}, found


async def test_nobody_is_logged_out(
    start_gateway: Callable[[], Any], auth_with: Callable[..., Any], tmp_path: Path
) -> None:
    old, new = _write_key(tmp_path / "old.pem"), _write_key(tmp_path / "new.pem")
    async with start_gateway() as http:
        await _rotate(Everybody(http), auth_with, old, new)


async def _rotate(everybody: Everybody, auth_with: Callable[..., Any], old: Path, new: Path) -> None:
    async with auth_with(old):
        old_id = await everybody.come()
        await _all(200, everybody.statuses)
    async with auth_with(old, new):
        await everybody.made_up()
        assert await everybody.come() == old_id
        await everybody.made_up()
        await _all(200, everybody.statuses)
        # the handbook's minute
        await asyncio.sleep(max(_REFETCH_SECONDS, _LIFETIME_SECONDS))
        await everybody.made_up()
    async with auth_with(new, old):
        assert await everybody.come() != old_id
        await everybody.made_up()
        await _all(200, everybody.statuses)
        assert len(everybody.tokens) > 100
        of_old = [token for token in everybody.tokens if jwt.get_unverified_header(token)["kid"] == old_id]
        await everybody.refresh_all()
    async with auth_with(new):

        async def gone() -> bool:
            return await everybody.status(of_old[0]) == 401

        await testing.eventually(gone)
        everybody.tokens = [token for token in everybody.tokens if token not in set(of_old)]
        await _all(200, everybody.statuses)
        assert set(await asyncio.gather(*map(everybody.status, of_old))) == {401}


async def test_a_session_that_ends_here_ends_everywhere(
    start_gateway: Callable[[], Any], auth_with: Callable[..., Any], tmp_path: Path
) -> None:
    person = {"email": f"{uuid4()}@mizzap.test", "password": "correct horse"}
    async with auth_with(_write_key(tmp_path / "key.pem")), start_gateway() as here, start_gateway() as there:

        async def enter(**more: str) -> dict[str, str]:
            answer = await here.post("/api/v1/auth/login", json={**person, **more})
            return {"Authorization": f"Bearer {answer.json()['data']['accessToken']}"}

        async def refused(headers: dict[str, str]) -> bool:
            return (await there.get("/api/v1/auth/me", headers=headers)).status_code == 401

        await here.post("/api/v1/auth/register", json=person)
        phone, laptop, tablet = await enter(deviceName="Phone"), await enter(deviceName="Laptop"), await enter()
        for headers in (phone, laptop, tablet):
            assert not await refused(headers)
        shown = (await there.get("/api/v1/auth/sessions", headers=laptop)).json()
        assert [device["deviceName"] for device in shown["data"]] == ["python-httpx", "Laptop", "Phone", "python-httpx"]
        assert [device["current"] for device in shown["data"]] == [False, True, False, False]

        assert (await here.post("/api/v1/auth/logout", headers=phone)).status_code == 200
        assert (await here.get("/api/v1/auth/me", headers=phone)).status_code == 401
        await testing.eventually(lambda: refused(phone), 5)
        wanted = {"currentPassword": person["password"], "newPassword": "battery staple"}
        ended = await here.post("/api/v1/auth/password", headers=laptop, json=wanted)
        assert len(ended.json()["data"]["sessionIds"]) == 2
        await testing.eventually(lambda: refused(tablet), 5)
        assert not await refused(laptop)


async def test_a_browser_s_session_from_its_beginning_to_its_end(
    start_gateway: Callable[[], Any], auth_with: Callable[..., Any], tmp_path: Path
) -> None:
    person = {"email": f"{uuid4()}@mizzap.test", "password": "correct horse", "cookies": True}
    page = {"Origin": "https://mizzap.test"}
    async with auth_with(_write_key(tmp_path / "key.pem")), start_gateway() as browser:
        assert (await browser.post("/api/v1/auth/register", json=person, headers=page)).status_code == 201
        assert (await browser.get("/api/v1/auth/me")).json()["data"]["email"] == person["email"]
        before = dict(browser.cookies)
        assert (await browser.post("/api/v1/auth/refresh", headers=page)).status_code == 200
        assert len(before) == 2 and all(browser.cookies[name] != value for name, value in before.items())
        named = await browser.put("/api/v1/auth/profile", json={"username": "ada"}, headers=page)
        assert named.json()["data"]["username"] == "ada"
        assert (await browser.put("/api/v1/auth/profile", json={"username": "eve"})).status_code == 403
        assert (await browser.post("/api/v1/auth/logout", headers=page)).status_code == 200
        assert not dict(browser.cookies)
        assert (await browser.get("/api/v1/auth/me")).status_code == 401
        stolen = {"Cookie": "; ".join(f"{name}={value}" for name, value in before.items())}
        assert (await browser.get("/api/v1/auth/me", headers=stolen)).status_code == 401
