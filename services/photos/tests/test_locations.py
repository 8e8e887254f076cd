"""Locations: sealed in the database, shown to their owner, found by name, sealed anew when the key changes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mizzap_common import migrations
from mizzap_common.contracts import events, library
from mizzap_common.db import Database
from mizzap_common.imaging.metadata import PhotoMetadata
from mizzap_common.inbox import Delivery
from mizzap_common.sealed import KeyRing, SealBroken, new_key_ring
from mizzap_photos import moving, repository, rotation
from mizzap_photos.listing import Listing
from mizzap_photos.models import PhotoPlaceRow, PhotoRow
from sqlalchemy import select, text, update
from sqlmodel import col

from services.photos.tests.worlds import inside

FLORENCE, LONDON = (43.769562, 11.255814), (51.511512, -0.124612)


class Album:
    """Photos of one user, as they are after their metadata was read."""

    def __init__(self, database: Database, ring: KeyRing, user_id: int) -> None:
        self.database, self.ring, self.user_id = database, ring, user_id
        self.photos = inside(database, ring)

    async def add(self, name: str, at: tuple[float, float] | None = None, **more: Any) -> int:
        request = library.RegisterPhoto(
            user_id=self.user_id, file_name=name, sha256=uuid4().hex * 2, md5="0" * 32, mime_type="image/jpeg",
            size_bytes=1,
        )  # fmt: skip
        photo = (await self.photos.register(request)).photo
        await self.inspect(photo.id, at, **more)
        return photo.id

    async def inspect(self, photo_id: int, at: tuple[float, float] | None, **more: Any) -> None:
        event = events.PhotoUploaded(
            photo_id=photo_id,
            user_id=self.user_id,
            sha256="0" * 64,
            object_key="k",
            mime_type="image/jpeg",
            size_bytes=1,
        )
        latitude, longitude = at or (None, None)
        found = PhotoMetadata(width=2, height=1, latitude=latitude, longitude=longitude, **more)
        await self.photos.inspected(event, Delivery("test", uuid4(), 1, False), found)

    async def get(self, photo_id: int) -> library.Photo:
        return await self.photos.get(library.PhotoRequest(user_id=self.user_id, photo_id=photo_id))

    async def search(self, query: str, user_id: int | None = None) -> set[int]:
        asked = library.ListPhotos(user_id=user_id or self.user_id, q=query)
        return {photo.id for photo in (await Listing(self.database, self.ring).page(asked)).photos}

    async def row(self, photo_id: int) -> PhotoRow:
        async with self.database.begin() as session:
            return (await session.scalars(select(PhotoRow).where(col(PhotoRow.id) == photo_id))).one()


@pytest.fixture
def album(database: Database, ring: KeyRing, user_id: int) -> Album:
    return Album(database, ring, user_id)


async def test_the_owner_sees_where_and_the_database_does_not(album: Album) -> None:
    photo_id = await album.add("a.jpg", FLORENCE)
    photo = await album.get(photo_id)
    assert (photo.latitude, photo.longitude) == FLORENCE
    assert photo.place == library.Place(town="Florence", region=None, country="Italy", country_code="IT")
    async with album.database.begin() as session:
        tables = await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        dump = ""
        for table in tables:
            rows = await session.execute(text(f"SELECT * FROM {table}"))
            dump += "".join(
                repr(bytes(value) if isinstance(value, memoryview) else value) for row in rows for value in row
            )
    assert "a.jpg" in dump
    for secret in ("43.769", "11.255", "Florence", "florence", "Italy", "italie"):
        assert secret not in dump


async def test_a_value_moved_to_another_row_or_column_tells_nothing(album: Album) -> None:
    here, there = await album.add("a.jpg", FLORENCE), await album.add("b.jpg", LONDON)
    stolen = await album.row(here)
    async with album.database.begin() as session:
        values = {"location": stolen.location, "place": stolen.location}
        await session.execute(update(PhotoRow).where(col(PhotoRow.id) == there).values(**values))
    photo = await album.get(there)
    assert (photo.latitude, photo.longitude, photo.place) == (None, None, None)
    assert (await album.get(here)).latitude == FLORENCE[0]


async def test_photos_are_found_by_their_place_in_more_than_one_language(album: Album) -> None:
    florence = await album.add("IMG_1.jpg", FLORENCE, camera_make="Canon", camera_model="EOS 70D")
    london = await album.add("IMG_2.jpg", LONDON)
    nowhere = await album.add("florence.jpg")
    assert await album.search("florence") == {florence, nowhere}
    assert await album.search("FIRENZE") == await album.search("Italie") == await album.search("italy") == {florence}
    assert await album.search("londres") == await album.search("royaume-uni") == {london}
    assert await album.search("italy canon img_1") == {florence}
    assert await album.search("italy img_2") == await album.search("ital") == set()
    assert await album.search("img") == {florence, london}


async def test_nobody_finds_anybody_elses_places(album: Album, user_id: int) -> None:
    other = Album(album.database, album.ring, user_id + 2_000_000)
    mine, theirs = await album.add("a.jpg", FLORENCE), await other.add("a.jpg", FLORENCE)
    assert await album.search("florence") == {mine} and await other.search("florence") == {theirs}
    async with album.database.begin() as session:
        tokens = [
            set((await session.scalars(select(PhotoPlaceRow.token).where(PhotoPlaceRow.photo_id == number))).all())
            for number in (mine, theirs)
        ]
    assert tokens[0] and tokens[1] and not tokens[0] & tokens[1]


async def test_what_is_read_again_takes_the_place_of_what_was_known(album: Album) -> None:
    photo_id = await album.add("a.jpg", FLORENCE)
    await album.inspect(photo_id, LONDON)
    assert await album.search("florence") == set() and await album.search("london") == {photo_id}
    await album.inspect(photo_id, None)
    photo = await album.get(photo_id)
    assert (photo.latitude, photo.place) == (None, None) and await album.search("london") == set()


async def test_a_deleted_photo_leaves_no_words(album: Album) -> None:
    photo_id = await album.add("a.jpg", FLORENCE)
    async with album.database.begin() as session:
        photos = await repository.lock_photos(session, album.user_id, [photo_id])
        await moving.away(session, album.user_id, photos)
    async with album.database.begin() as session:
        assert not (await session.scalars(select(PhotoPlaceRow).where(PhotoPlaceRow.user_id == album.user_id))).all()


@pytest.fixture
def rotated(key_ring_file: Path, tmp_path: Path) -> tuple[Path, KeyRing]:
    """The ring's file with a new current key, and a ring that has that key alone."""
    old, new = json.loads(key_ring_file.read_text()), json.loads(new_key_ring("2"))
    path, alone = tmp_path / "both.json", tmp_path / "new.json"
    path.write_text(json.dumps(old | {"current": "2", "keys": old["keys"] | new["keys"]}))
    alone.write_text(json.dumps(old | {"current": "2", "keys": new["keys"]}))
    return path, KeyRing.from_file(alone)


@pytest.fixture
async def own_album(make_database: Callable[[str], str], ring: KeyRing, user_id: int) -> AsyncIterator[Album]:
    """In a database of its own: a rotation is over all of it."""
    url = make_database("photos_rotation")
    await asyncio.to_thread(migrations.upgrade, "mizzap_photos", url)
    database = Database(url)
    yield Album(database, ring, user_id)
    await database.close()


async def test_rotation_seals_everything_anew_and_can_be_begun_again(
    own_album: Album, rotated: tuple[Path, KeyRing], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, alone = rotated
    ids = [await own_album.add(f"{number}.jpg", LONDON) for number in range(7)]
    both = KeyRing.from_file(path)
    calls = iter(range(100))
    real = rotation.sealed_anew

    def dying(ring: KeyRing, row: PhotoRow) -> dict[str, bytes]:
        if next(calls) == 5:
            raise ConnectionError
        return real(ring, row)

    monkeypatch.setattr(rotation, "sealed_anew", dying)
    with pytest.raises(ConnectionError):
        await rotation.reseal(own_album.database, both, batch=2)
    sealed_already = [both.is_current((await own_album.row(number)).location or b"") for number in ids]
    assert any(sealed_already) and not all(sealed_already)
    monkeypatch.setattr(rotation, "sealed_anew", real)
    assert await rotation.reseal(own_album.database, both, batch=2) == len(ids) - sum(sealed_already)
    assert await rotation.reseal(own_album.database, both) == 0
    own_album.photos.ring = alone
    for number in ids:
        photo = await own_album.get(number)
        assert (photo.latitude, photo.place and photo.place.town) == (LONDON[0], "London")
    # the index's key stays: what was found by name still is
    assert await own_album.search("londres") == set(ids)


@pytest.fixture
def with_index(key_ring_file: Path, tmp_path: Path) -> Callable[..., KeyRing]:
    """The ring with these index keys; "old" is the one that it has."""
    ring = json.loads(key_ring_file.read_text())
    keys = {"old": ring["index"], "new": json.loads(new_key_ring("x"))["index"]}

    def made(*names: str) -> KeyRing:
        path = tmp_path / "ring.json"
        path.write_text(json.dumps(ring | {"index": [keys[name] for name in names]}))
        return KeyRing.from_file(path)

    return made


async def test_photos_are_found_while_the_index_key_is_changed_and_afterwards(
    own_album: Album, with_index: Callable[..., KeyRing]
) -> None:
    def restart(*names: str) -> None:
        own_album.ring = own_album.photos.ring = with_index(*names)

    first = await own_album.add("a.jpg", LONDON)
    restart("old", "new")
    second = await own_album.add("b.jpg", LONDON)
    restart("new", "old")
    third, nowhere = await own_album.add("c.jpg", LONDON), await own_album.add("d.jpg")
    assert await own_album.search("londres") == {first, second, third}
    restart("new")
    assert await own_album.search("londres") == {third}
    assert await rotation.reseal(own_album.database, with_index("new", "old"), batch=2) == 2
    assert await rotation.reseal(own_album.database, with_index("new", "old"), batch=2) == 0
    assert await own_album.search("londres") == {first, second, third}
    assert nowhere not in await own_album.search("londres")


async def test_rotation_without_the_old_key_says_so(own_album: Album, rotated: tuple[Path, KeyRing]) -> None:
    await own_album.add("a.jpg", LONDON)
    with pytest.raises(SealBroken):
        await rotation.reseal(own_album.database, rotated[1])
