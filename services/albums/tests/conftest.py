"""A running albums service, and a photos service to ask that knows what the test tells it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from mizzap_albums.app import build
from mizzap_albums.settings import AlbumsSettings
from mizzap_common import migrations, testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import albums, catalog, events, family_events, feed, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from mizzap_common.tables import INBOX
from sqlalchemy import func, select

_numbers = count(2**40)
Told = tuple[catalog.Event[Any], Any]


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
        return await self.bus.ask(requests.ALBUMS_CREATE, albums.CreateAlbum(user_id=self.user_id, name=name, **more))

    def of(self, kind, album_id, **values):
        return kind(user_id=self.user_id, album_id=album_id, **values)

    async def list(self, page=1, limit=20, shared=None):
        request = albums.ListAlbums(user_id=self.user_id, page=page, limit=limit, shared=shared)
        return await self.bus.ask(requests.ALBUMS_LIST, request)

    async def get(self, album_id):
        return await self.bus.ask(requests.ALBUMS_GET, albums.AlbumRequest(user_id=self.user_id, album_id=album_id))

    async def update(self, album_id, **values):
        request = albums.UpdateAlbum(user_id=self.user_id, album_id=album_id, **values)
        return await self.bus.ask(requests.ALBUMS_UPDATE, request)

    async def delete(self, album_id, **values):
        return await self.bus.ask(requests.ALBUMS_DELETE, self.of(albums.DeleteAlbum, album_id, **values))

    async def add(self, album_id, photo_ids):
        request = albums.AddToAlbum(user_id=self.user_id, album_id=album_id, photo_ids=photo_ids)
        return await self.bus.ask(requests.ALBUMS_ADD, request)

    async def remove(self, album_id, photo_id):
        request = albums.RemoveFromAlbum(user_id=self.user_id, album_id=album_id, photo_id=photo_id)
        return await self.bus.ask(requests.ALBUMS_REMOVE, request)

    async def remove_many(self, album_id, photo_ids):
        request = self.of(albums.RemoveManyFromAlbum, album_id, photo_ids=photo_ids)
        return await self.bus.ask(requests.ALBUMS_REMOVE_MANY, request)

    async def order(self, album_id, *moves, **values):
        """``moves`` are (photo, the one it goes behind or None)."""
        if moves:
            values["moves"] = [albums.Move(photo_id=photo, after=after) for photo, after in moves]
        return await self.bus.ask(requests.ALBUMS_ORDER, self.of(albums.OrderAlbum, album_id, **values))

    async def photos(self, album_id, page=1, limit=20):
        request = self.of(albums.ListAlbumPhotos, album_id, page=page, limit=limit)
        return await self.bus.ask(requests.ALBUMS_PHOTOS, request)

    async def locate(self, album_id, photo_id):
        request = self.of(albums.LocateAlbumPhoto, album_id, photo_id=photo_id)
        return await self.bus.ask(requests.ALBUMS_LOCATE, request)

    async def share(self, album_id, family_id, **values):
        request = self.of(albums.ShareAlbum, album_id, family_id=family_id, **values)
        return await self.bus.ask(requests.ALBUMS_SHARE, request)

    async def shares(self, album_id):
        return (await self.bus.ask(requests.ALBUMS_SHARES, self.of(albums.AlbumRequest, album_id))).shares

    async def unshare(self, album_id, family_id):
        request = self.of(albums.UnshareAlbum, album_id, family_id=family_id)
        return await self.bus.ask(requests.ALBUMS_UNSHARE, request)

    async def changes(self, after=0, limit=100):
        request = feed.ChangesRequest(user_id=self.user_id, after=after, limit=limit)
        return await self.bus.ask(requests.ALBUMS_CHANGES, request)

    async def role_in(self, album):
        """None where the album is not there, neither by itself nor in the list."""
        try:
            return (await self.get(album.id)).role
        except NotFound:
            assert album.id not in [shown.id for shown in (await self.list()).albums]
            return None

    def deletion_of(self, photo_id: int) -> events.PhotoDeleted:
        return events.PhotoDeleted(user_id=self.user_id, photo_id=photo_id, sha256="0" * 64, object_key="gone")

    async def trash(self, photo_id: int, version: int = 1) -> None:
        trashed = events.PhotoTrashed(user_id=self.user_id, photo_id=photo_id, version=version)
        await self._tell(catalog.PHOTO_TRASHED, trashed)

    async def restore(self, photo_id: int, version: int = 2) -> None:
        restored = events.PhotoRestored(user_id=self.user_id, photo_id=photo_id, version=version)
        await self._tell(catalog.PHOTO_RESTORED, restored)

    async def _tell(self, event: catalog.Event[Any], payload: events.UserEvent) -> None:
        await testing.publish_event(self.bus.jetstream, event, payload)
        await testing.all_handled(self.bus.jetstream, "albums")


class Family:
    """A family of which the auth service tells; each thing that happens in it has a higher ``change``."""

    def __init__(self, bus: Bus, database: Database) -> None:
        self.bus = bus
        self.database = database
        self.id = next(_numbers)
        self.change = 0
        self.roles: dict[int, events.FamilyRole] = {}

    def joining(self, user: Client, role: events.FamilyRole = "member") -> Told:
        self.roles[user.user_id] = role
        return catalog.USER_JOINED_FAMILY, self._event(family_events.FamilyMemberEvent, user.user_id, role=role)

    def leaving(self, user: Client) -> Told:
        role = self.roles.pop(user.user_id)
        return catalog.USER_LEFT_FAMILY, self._event(family_events.FamilyMemberEvent, user.user_id, role=role)

    def becoming(self, user: Client, role: events.FamilyRole) -> Told:
        self.roles[user.user_id] = role
        members = [family_events.FamilyMembership(user_id=user_id, role=role) for user_id, role in self.roles.items()]
        return catalog.FAMILY_CHANGED, self._event(family_events.FamilyChanged, user.user_id, members=members)

    def deletion(self) -> Told:
        return catalog.FAMILY_DELETED, self._event(family_events.FamilyDeleted, 1)

    def _event(self, kind, user_id, **values):
        self.change += 1
        audience = sorted(self.roles)
        return kind(user_id=user_id, family_id=self.id, audience=audience, change=self.change, **values)

    async def tell(self, *told: Told) -> None:
        """Publishes events one after the other, and waits until the service has acted on each."""
        for event, payload in told:
            event_id = await testing.publish_event(self.bus.jetstream, event, payload)
            await self.handled(event_id)

    async def handled(self, *event_ids: UUID) -> None:
        async def all_in_the_inbox() -> bool:
            async with self.database.begin() as session:
                found = select(func.count()).select_from(INBOX).where(INBOX.c.event_id.in_(event_ids))
                return (await session.execute(found)).scalar_one() == len(event_ids)

        await testing.eventually(all_in_the_inbox, 30)


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


@pytest.fixture
def make_user(bus: Bus, service: None) -> Callable[[], Client]:
    return lambda: Client(bus, next(_numbers))


@pytest.fixture
def make_family(bus: Bus, service: None, database: Database) -> Callable[[], Family]:
    return lambda: Family(bus, database)


@dataclass
class SharedAlbum:
    """An album of ``owner``'s with the photo ``theirs`` and ``member``'s photo ``own``, which is its cover."""

    owner: Client
    member: Client
    family: Family
    album: albums.Album
    theirs: int
    own: int


@pytest.fixture
async def shared(make_user, make_family, photos) -> SharedAlbum:
    owner, member, family = make_user(), make_user(), make_family()
    await family.tell(family.joining(owner, "owner"), family.joining(member))
    album = await owner.create()
    await owner.share(album.id, family.id)
    (theirs,), (own,) = photos.make(owner.user_id, 1), photos.make(member.user_id, 1)
    await owner.add(album.id, [theirs])
    await member.add(album.id, [own])
    return SharedAlbum(owner, member, family, await owner.update(album.id, cover_photo_id=own), theirs, own)
