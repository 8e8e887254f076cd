"""The gateway on a real socket, with the real broker and store; the other services are small stand-ins."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from mizzap_common import testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import accounts, duplicating, keeping, library, requests
from mizzap_common.errors import NotFound
from mizzap_common.storage import Storage
from mizzap_gateway.app import build
from mizzap_gateway.settings import GatewaySettings


@dataclass
class Signer:
    """The auth service's key, for as long as the tests run."""

    kid: str = "test-key"
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def claims(self, user_id: int, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "sub": f"user_{user_id}",
            "sid": "1",
            "email": f"u{user_id}@mizzap.test",
            "iat": now,
            "exp": now + 3600,
            "iss": "mizzap",
            "aud": "mizzap-app",
            "jti": str(uuid4()),
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(self, user_id: int, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        # by the lower layer, which signs nonsense too
        payload = json.dumps(self.claims(user_id, **changes)).encode()
        return jwt.PyJWS().encode(payload, self.key, "RS256", {"typ": "JWT", "kid": self.kid, **(headers or {})})

    def public(self) -> dict[str, Any]:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**key, "kid": self.kid, "use": "sig", "alg": "RS256"}


def a_photo(photo_id: int, file_name: str, sha256: str = "0" * 64, **more: Any) -> library.Photo:
    fields: dict[str, Any] = dict.fromkeys(library.Photo.model_fields)
    fields |= {
        "id": photo_id, "file_name": file_name, "file_size": 1, "mime_type": "image/jpeg", "sha256": sha256,
        "md5": "0" * 32, "status": "uploaded", "is_favourite": False, "has_duplicates": False, "duplicate_count": 0,
        "thumbnail_url": f"/api/v1/photos/{photo_id}/thumbnail", "uploaded_at": datetime.now(UTC),
    }  # fmt: skip
    return library.Photo(**(fields | more))


class FakePhotos:
    """Registers photos in memory and looks into the store, as the photos service does."""

    def __init__(self) -> None:
        self.registered: list[library.RegisterPhoto] = []
        self.photos: dict[tuple[int, int], library.Photo] = {}
        self.free_bytes: int | None = None

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]

    async def register(self, question: library.RegisterPhoto) -> library.RegisteredPhoto:
        for known in self.photos.values():
            if (known.file_name, known.sha256) == (question.file_name, question.sha256):
                return library.RegisteredPhoto(photo=known, created=False)
        self.registered.append(question)
        photo = a_photo(len(self.photos) + 1, question.file_name, question.sha256, md5=question.md5)
        self.photos[question.user_id, photo.id] = photo
        return library.RegisteredPhoto(photo=photo, created=True)

    async def room(self, question: keeping.RoomRequest) -> keeping.Room:
        return keeping.Room(free_bytes=self.free_bytes)

    async def get(self, question: library.PhotoRequest) -> library.Photo:
        try:
            return self.photos[question.user_id, question.photo_id]
        except KeyError:
            raise NotFound("There is no such photo.") from None

    async def many(self, question: library.PhotosRequest) -> library.Photos:
        """As long as a test has no photos of its own, every photo is there."""
        asked = [(question.user_id, photo_id) for photo_id in question.photo_ids]
        if not self.photos:
            return library.Photos(photos=[a_photo(photo_id, f"{photo_id}.jpg") for photo_id in question.photo_ids])
        return library.Photos(photos=[self.photos[known] for known in asked if known in self.photos])

    async def locate(self, question: library.LocateRendition) -> library.StoredObject:
        raise NotFound("There is no such rendition.")


class Others:
    """The services behind the gateway. Each method answers as a test said, else as its stand-in does."""

    def __init__(self, signer: Signer, photos: FakePhotos) -> None:
        async def keys(_: accounts.KeysRequest) -> accounts.Keys:
            return accounts.Keys(keys=[signer.public()])

        async def model(_: duplicating.ModelRequest) -> duplicating.Model:
            return duplicating.Model(id="tower", dimensions=1280)

        async def renditions(_: library.UserRequest) -> library.Count:
            return library.Count(count=9)

        async def names(_: library.PhotosRequest) -> library.PhotoNames:
            return library.PhotoNames(photos=[])

        async def alive(_: accounts.SessionRequest) -> accounts.SessionState:
            return accounts.SessionState(alive=True)

        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        self.stand_ins: dict[str, Callable[[Any], Any]] = {
            requests.AUTH_KEYS.subject: keys,
            requests.AUTH_SESSION.subject: alive,
            requests.DEDUP_MODEL.subject: model,
            requests.PHOTOS_REGISTER.subject: photos.register,
            requests.PHOTOS_GET.subject: photos.get,
            requests.PHOTOS_NAMES.subject: names,
            requests.PHOTOS_MANY.subject: photos.many,
            requests.PHOTOS_ROOM.subject: photos.room,
            requests.THUMBS_LOCATE.subject: photos.locate,
            requests.THUMBS_COUNT.subject: renditions,
        }

    def clear(self) -> None:
        self.answers.clear()
        self.asked.clear()

    def say(self, method: requests.Method[Any, Any], answer: Any) -> None:
        """An answer, an error to raise, or what gives the answer to a question."""
        self.answers[method.subject] = answer

    def questions(self, method: requests.Method[Any, Any]) -> list[Any]:
        return [question for subject, question in self.asked if subject == method.subject]

    def reply(self, method: requests.Method[Any, Any]) -> testing.Reply:
        async def answer(question: Any) -> Any:
            self.asked.append((method.subject, question))
            if method.subject not in self.answers:
                return await self.stand_ins[method.subject](question)
            found = self.answers[method.subject]
            if isinstance(found, BaseException):
                raise found
            return found(question) if callable(found) else found

        return method, answer


@dataclass
class Gateway:
    url: str
    http: httpx.AsyncClient
    app: Any
    bus: Bus
    storage: Storage
    signer: Signer
    photos: FakePhotos
    others: Others

    def login(self, user_id: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.signer.token(user_id)}"}

    async def keys_under(self, user_id: int) -> list[str]:
        return sorted(found.key for found in await self.storage.list(f"user-{user_id}/"))

    async def unfinished_uploads(self, user_id: int) -> int:
        """Multipart uploads of the store that were begun and neither completed nor aborted."""
        client = self.storage.client
        found = await asyncio.to_thread(client._list_multipart_uploads, self.storage.bucket, prefix=f"user-{user_id}/")
        return len(found.uploads)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the signals are pytest's


@asynccontextmanager
async def serving(app: Any, **config: Any) -> AsyncIterator[str]:
    """A real HTTP server on a free port; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    settings = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": 3, **config}
    server = _Server(uvicorn.Config(app, **settings))
    task = asyncio.create_task(server.serve([listener]))
    try:
        await testing.eventually(lambda: server.started or task.done(), 20)
        assert server.started, "the gateway did not start"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="session")
def gateway_settings(nats_url: str, s3_settings: testing.Store) -> Callable[..., GatewaySettings]:
    # all tests come from one address, and none is about the limits that does not say so; the services behind are
    # stand-ins, which don't say when a test changes their answers
    return lambda **more: testing.settings_for(
        GatewaySettings, nats_url, s3_settings, **{"limits_factor": 1000.0, "answer_cache_bytes": 0, **more}
    )


@pytest.fixture(scope="module")
async def _services(nats_url: str, signer: Signer) -> AsyncIterator[tuple[Bus, FakePhotos, Others]]:
    """Gone at the module's end: the real services' tests share the broker."""
    photos = FakePhotos()
    others = Others(signer, photos)
    async with testing.outsider(nats_url, [others.reply(method) for method in requests.METHODS]) as bus:
        yield bus, photos, others


@pytest.fixture(scope="module")
def start_gateway(
    _services: tuple[Bus, FakePhotos, Others], signer: Signer, gateway_settings: Callable[..., GatewaySettings]
) -> Callable[..., contextlib.AbstractAsyncContextManager[Gateway]]:
    """``async with start_gateway(max_files=3) as gateway`` runs one with settings of its own; ``server`` are uvicorn's."""
    bus, photos, others = _services

    @asynccontextmanager
    async def start(server: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[Gateway]:
        settings = gateway_settings(**more)
        app = build(settings)
        async with (
            serving(app, **(server or {})) as url,
            httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http,
        ):
            yield Gateway(url, http, app, bus, Storage(settings), signer, photos, others)

    return start


@pytest.fixture(scope="module")
async def _gateway(start_gateway: Callable[..., Any]) -> AsyncIterator[Gateway]:
    async with start_gateway() as gateway:
        yield gateway


@pytest.fixture
def gateway(_gateway: Gateway) -> Gateway:
    _gateway.photos.clear()
    _gateway.others.clear()
    return _gateway


@pytest.fixture
def user_id() -> int:
    """A user whom no other test knows."""
    return uuid4().int % (2**62) + 1


@pytest.fixture
def ask(gateway: Any, user_id: int) -> Callable[..., Any]:
    """``await ask("GET", "/photos")`` as this test's user."""

    async def request(method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        content = None if body is None else json.dumps(body)  # in ASCII: a client may escape what is no text
        headers = {"Content-Type": "application/json", **gateway.login(user_id), **headers}
        found: httpx.Response = await gateway.http.request(method, f"/api/v1{path}", content=content, headers=headers)
        return found

    return request


@pytest.fixture
def error_of() -> Callable[[httpx.Response], dict[str, Any]]:
    """The error of an answer, whose shape is checked on the way."""

    def read(response: httpx.Response) -> dict[str, Any]:
        body = json.loads(response.content)
        assert set(body) == {"success", "error"} and body["success"] is False
        assert set(body["error"]) == {"code", "message", "details"}
        found: dict[str, Any] = body["error"]
        return found

    return read
