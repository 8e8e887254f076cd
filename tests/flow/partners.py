"""The real gateway, photos and curation services before a simulator of both partners, and a user of theirs."""

import asyncio
import base64
import contextlib
import io
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import jwt
import numpy as np
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from mizzap_common import migrations, testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import accounts, catalog, duplicating, events, requests
from mizzap_common.sealed import new_key_ring
from mizzap_curation.app import build as build_curation
from mizzap_curation.settings import CurationSettings
from mizzap_devstack.partner_simulator.app import Order, Simulator
from mizzap_gateway.app import build as build_gateway
from mizzap_gateway.settings import GatewaySettings
from mizzap_photos.app import build as build_photos
from mizzap_photos.settings import PhotosSettings
from PIL import Image
from pydantic import SecretStr

_users = count(1)
_PATIENCE = 1.0
"""Seconds that the service waits for a partner; the simulator's "timeout" lasts longer."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the signals are pytest's


@asynccontextmanager
async def serving(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=3))
    task = asyncio.create_task(server.serve([listener]))
    try:
        await testing.eventually(lambda: server.started or task.done(), 20)
        yield
    finally:
        server.should_exit = True
        await task


def _listen() -> tuple[socket.socket, str]:
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass
class World:
    bus: Bus
    http: httpx.AsyncClient
    simulator: Simulator
    signing_key: rsa.RSAPrivateKey


@pytest.fixture(scope="module")
async def world(
    nats_url: str, s3_settings: testing.Store, make_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:  # fmt: skip
    ring = tmp_path_factory.mktemp("keys") / "ring.json"
    ring.write_text(new_key_ring("1"))
    signing_key = rsa.generate_private_key(65537, 2048)

    async def keys(_: accounts.KeysRequest) -> accounts.Keys:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(signing_key.public_key(), as_dict=True)
        return accounts.Keys(keys=[{**public, "kid": "test", "use": "sig", "alg": "RS256"}])

    async def alive(_: accounts.SessionRequest) -> accounts.SessionState:
        return accounts.SessionState(alive=True)

    async def embeddings(_: duplicating.EmbeddingsRequest) -> duplicating.Embeddings:
        return duplicating.Embeddings(model=duplicating.Model(id=None, dimensions=None), embeddings=[])

    known = {name: "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() for name in ("memopyk", "photall")}
    simulator = Simulator({name: {"only": one} for name, one in known.items()}, timeout_seconds=3 * _PATIENCE)
    gateway_listener, gateway_url = _listen()
    partner_listener, partner_url = _listen()

    def settings(kind: Any, database: str | None = None, **more: Any) -> Any:
        url = None
        if database:
            url = make_database(f"orders_{database}")
            migrations.upgrade(f"mizzap_{database}", url)
        return testing.settings_for(kind, nats_url, s3_settings, url, key_ring_file=ring, **more)

    curation = settings(
        CurationSettings, "curation", workers=1, curation_quiet_seconds=0.1, curation_poll_seconds=0.05,
        public_url=gateway_url, partner_poll_seconds=0.02, partner_retry_seconds=(0.05, 0.1, 0.1, 0.1),
        partner_timeout_seconds=_PATIENCE,
        memopyk_url=f"{partner_url}/memopyk", memopyk_secret=SecretStr(known["memopyk"]),
        photall_url=f"{partner_url}/photall", photall_secret=SecretStr(known["photall"]),
    )  # fmt: skip
    replies = [
        (requests.AUTH_KEYS, keys), (requests.AUTH_SESSION, alive), (requests.DEDUP_EMBEDDINGS, embeddings),
    ]  # fmt: skip
    async with contextlib.AsyncExitStack() as running:
        bus = await running.enter_async_context(testing.outsider(nats_url, replies))
        photos = build_photos(settings(PhotosSettings, "photos", workers=1))
        await running.enter_async_context(testing.running(photos))
        await running.enter_async_context(testing.running(build_curation(curation)))
        await running.enter_async_context(serving(simulator.app(), partner_listener))
        await running.enter_async_context(
            serving(build_gateway(settings(GatewaySettings, limits_factor=1000)), gateway_listener)
        )
        http = httpx.AsyncClient(base_url=gateway_url, timeout=30, trust_env=False)
        yield World(bus, await running.enter_async_context(http), simulator, signing_key)


@dataclass
class User:
    world: World
    user_id: int = field(default_factory=_users.__next__)

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        now = int(time.time())
        claims = {
            "sub": f"user_{self.user_id}", "email": "u@mizzap.test", "iat": now, "exp": now + 3600, "iss": "mizzap",
            "aud": "mizzap-app", "jti": str(uuid4()), "sid": "1",
        }  # fmt: skip
        token = jwt.encode(claims, self.world.signing_key, "RS256", {"kid": "test"})
        headers = {"Authorization": f"Bearer {token}"}
        return await self.world.http.request(method, f"/api/v1{path}", json=body, headers=headers, **more)

    async def call(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        answer = await self.ask(method, path, body, **more)
        assert answer.status_code == status, answer.text
        return answer.json()["data"]

    async def upload(self, count: int = 1) -> dict[int, str]:
        """Photo ids with their SHA-256. The user has agreed to AI, so that there are moments."""
        agreed = events.ConsentChanged(user_id=self.user_id, purpose="ai", version="1", granted=True, change=1)
        await testing.publish_event(self.world.bus.jetstream, catalog.CONSENT_CHANGED, agreed)
        await testing.all_handled(self.world.bus.jetstream, "curation")
        files = [("files", (f"{number}.jpg", _picture())) for number in range(count)]
        results = await self.call("POST", "/photos/upload", status=201, files=files)
        return {result["photo"]["id"]: result["photo"]["sha256"] for result in results}

    async def film(self, title: str, photo_ids: list[int] | None = None, status: int = 201, **more: Any) -> Any:
        body = {"title": title, "photoIds": photo_ids, "partnerConsent": True, **more}
        return await self.call("POST", "/integrations/memopyk/create-film", body, status)

    async def order(self, order_id: int) -> Any:
        return await self.call("GET", f"/integrations/orders/{order_id}")

    async def until(self, order_id: int, status: str) -> Any:
        async def reached() -> Any:
            found = await self.order(order_id)
            return found if found["status"] == status else None

        return await testing.eventually(reached, 30)

    def simulated(self, order_id: int, partner: str = "memopyk") -> Order:
        return self.world.simulator.orders[partner, order_id]

    async def finished(self, order_id: int, partner: str = "memopyk") -> Order:
        """The partner's view, when it has nothing more to say."""
        known = self.world.simulator.orders
        await testing.eventually(lambda: (partner, order_id) in known and known[partner, order_id].finished, 30)
        return self.simulated(order_id, partner)

    async def told(self, order_id: int) -> list[str]:
        """The statuses that were published."""
        found = await testing.published(self.world.bus.jetstream, catalog.ORDER_CHANGED)
        return [event.status for event in found if (event.user_id, event.order_id) == (self.user_id, order_id)]


_random = np.random.default_rng(17)


def _picture() -> bytes:
    buffer = io.BytesIO()
    coarse = Image.fromarray(_random.integers(0, 255, (9, 12, 3), dtype=np.uint8))
    coarse.resize((320, 240), Image.Resampling.NEAREST).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def user(world: World) -> User:
    return User(world)
