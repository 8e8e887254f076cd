"""A running albums service, and a photos service to ask that knows what the test tells it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
from mizzap_albums.app import build
from mizzap_albums.settings import AlbumsSettings
from mizzap_common import migrations, testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import events, library, requests

_numbers = count(2**40)


@dataclass
class FakePhotos:
    """Answers ``photos.names`` on the real broker."""

    owned: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def make(self, user_id: int, number: int) -> list[int]:
        made = [next(_numbers) for _ in range(number)]
        self.owned[user_id].update(made)
        return made

    async def names(self, request: library.PhotosRequest) -> library.PhotoNames:
        mine = [photo_id for photo_id in request.photo_ids if photo_id in self.owned[request.user_id]]
        answer = library.PhotoNames(photos=[library.PhotoName(id=i, file_name="a.jpg", file_size=1) for i in mine])
        self.asked.set()
        await self.may_answer.wait()
        return answer


class Client:
    """Asks the albums service as the gateway does, for one user."""

    def __init__(self, bus: Bus, user_id: int) -> None:
        self.bus = bus
        self.user_id = user_id

    async def create(self, name="Summer", **more):
        return await self.bus.ask(requests.ALBUMS_CREATE, library.CreateAlbum(user_id=self.user_id, name=name, **more))

    async def list(self, page=1, limit=20):
        return await self.bus.ask(
            requests.ALBUMS_LIST, library.ListAlbums(user_id=self.user_id, page=page, limit=limit)
        )

    async def get(self, album_id):
        return await self.bus.ask(requests.ALBUMS_GET, library.AlbumRequest(user_id=self.user_id, album_id=album_id))

    async def update(self, album_id, **values):
        request = library.UpdateAlbum(user_id=self.user_id, album_id=album_id, **values)
        return await self.bus.ask(requests.ALBUMS_UPDATE, request)

    async def delete(self, album_id):
        return await self.bus.ask(requests.ALBUMS_DELETE, library.AlbumRequest(user_id=self.user_id, album_id=album_id))

    async def add(self, album_id, photo_ids):
        request = library.AddToAlbum(user_id=self.user_id, album_id=album_id, photo_ids=photo_ids)
        return await self.bus.ask(requests.ALBUMS_ADD, request)

    async def remove(self, album_id, photo_id):
        request = library.RemoveFromAlbum(user_id=self.user_id, album_id=album_id, photo_id=photo_id)
        return await self.bus.ask(requests.ALBUMS_REMOVE, request)

    def deletion_of(self, photo_id: int) -> events.PhotoDeleted:
        return events.PhotoDeleted(user_id=self.user_id, photo_id=photo_id, sha256="0" * 64, object_key="gone")


@pytest.fixture(scope="module")
def settings(nats_url: str, s3_settings: testing.Store, make_database: Callable[[str], str]) -> AlbumsSettings:
    url = make_database("albums")
    migrations.upgrade("mizzap_albums", url)
    return testing.settings_for(AlbumsSettings, nats_url, s3_settings, url)


@pytest.fixture(scope="module")
def photos() -> FakePhotos:
    return FakePhotos()


@pytest.fixture(scope="module")
async def bus(nats_url: str, photos: FakePhotos) -> AsyncIterator[Bus]:
    async with testing.outsider(nats_url, [(requests.PHOTOS_NAMES, photos.names)]) as outsider:
        yield outsider


@pytest.fixture(scope="module")
async def service(settings: AlbumsSettings, bus: Bus) -> AsyncIterator[None]:
    async with testing.running(build(settings)):
        yield


@pytest.fixture
def user(bus: Bus, service: None) -> Client:
    """A user whom no other test knows."""
    return Client(bus, next(_numbers))


@pytest.fixture
def stranger(bus: Bus, service: None) -> Client:
    return Client(bus, next(_numbers))
