"""The auth service on the real broker and database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mizzap_auth.app import build
from mizzap_auth.settings import AuthSettings
from mizzap_common import migrations, testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import accounts, requests
from mizzap_common.sealed import new_key_ring

QUICK = {"erasure_sweep_seconds": 0.1, "erasure_settle_seconds": 0.0, "export_poll_seconds": 0.1}
"""Nobody waits an hour in a test."""


@dataclass
class Auth:
    bus: Bus
    database_url: str
    settings: AuthSettings

    async def register(self, email: str | None = None, password: str = "correct horse", **more: Any) -> Any:
        question = accounts.Register(email=email or a_mail(), password=password, **more)  # type: ignore[arg-type]
        return await self.bus.ask(requests.AUTH_REGISTER, question)

    async def login(self, email: str, password: str = "correct horse", **more: Any) -> accounts.Session:
        return await self.bus.ask(requests.AUTH_LOGIN, accounts.Login(email=email, password=password, **more))  # type: ignore[arg-type]

    async def refresh(self, token: str) -> accounts.Session:
        return await self.bus.ask(requests.AUTH_REFRESH, accounts.Refresh(refresh_token=token))

    def session_of(self, session: accounts.Session) -> int:
        """The session's id, as its access token names it."""
        return int(jwt.decode(session.access_token, options={"verify_signature": False})["sid"])

    async def change_password(
        self, session: accounts.Session, current: str, new: str = "battery staple"
    ) -> accounts.EndedSessions:
        question = accounts.ChangePassword(
            user_id=session.user.id, session_id=self.session_of(session), current_password=current, new_password=new  # type: ignore[arg-type]
        )  # fmt: skip
        return await self.bus.ask(requests.AUTH_CHANGE_PASSWORD, question)

    async def is_alive(self, session: accounts.Session) -> bool:
        question = accounts.SessionRequest(user_id=session.user.id, session_id=self.session_of(session))
        return (await self.bus.ask(requests.AUTH_SESSION, question)).alive

    async def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        def run() -> list[tuple[Any, ...]]:
            with psycopg.connect(self.database_url.replace("+psycopg", "")) as connection:
                cursor = connection.execute(statement, values)
                return cursor.fetchall() if cursor.description else []

        return await asyncio.to_thread(run)


def a_mail() -> str:
    return f"{uuid4().hex}@mizzap.test"


@pytest.fixture(scope="session")
def write_key(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def write(bits: int = 2048) -> Path:
        path = tmp_path_factory.mktemp("keys") / "signing.pem"
        key = rsa.generate_private_key(65537, bits)
        encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        path.write_bytes(key.private_bytes(encoding, kind, serialization.NoEncryption()))
        return path

    return write


@pytest.fixture(scope="session")
def write_ring(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    def write() -> Path:
        """Sealing with the key 1, opening what the key 2 sealed too."""
        path = tmp_path_factory.mktemp("rings") / "auth.json"
        ring, following = json.loads(new_key_ring("1")), json.loads(new_key_ring("2"))
        path.write_text(json.dumps({**ring, "keys": ring["keys"] | following["keys"]}))
        return path

    return write


@pytest.fixture(scope="module")
def settings(
    nats_url: str, make_database: Callable[[str], str], s3_settings: testing.Store, write_key: Callable[..., Path],
    write_ring: Callable[[], Path],
) -> AuthSettings:  # fmt: skip
    url = make_database("auth")
    migrations.upgrade("mizzap_auth", url)
    files = {"signing_key_file": write_key(), "key_ring_file": write_ring()}
    versions = ("1", "2")
    return testing.settings_for(AuthSettings, nats_url, s3_settings, url, policy_versions=versions, **files, **QUICK)


@pytest.fixture(scope="module")
async def auth(nats_url: str, settings: AuthSettings) -> AsyncIterator[Auth]:
    async with testing.outsider(nats_url) as bus, testing.running(build(settings)):
        yield Auth(bus, settings.database_url.get_secret_value(), settings)


@pytest.fixture
def email() -> str:
    """An address that no other test uses."""
    return a_mail()
