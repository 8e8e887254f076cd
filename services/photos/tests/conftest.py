"""A running photos service; its inside for what no message can bring about in time; and a database of it alone."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from mizzap_common import migrations
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing, new_key_ring
from mizzap_common.settings import Settings
from mizzap_common.storage import Storage
from mizzap_common.testing import Store, outsider, running, settings_for
from mizzap_photos.app import build
from mizzap_photos.quotas import Quotas
from mizzap_photos.service import Photos
from mizzap_photos.settings import PhotosSettings
from mizzap_photos.sweeper import Sweeper

from services.photos.tests.worlds import World

_users = itertools.count(1000)


@pytest.fixture(scope="session")
def key_ring_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "photos.json"
    path.write_text(new_key_ring("1"))
    return path


@pytest.fixture(scope="session")
def ring(key_ring_file: Path) -> KeyRing:
    return KeyRing.from_file(key_ring_file)


@pytest.fixture
async def world(
    nats_url: str, s3_settings: Store, make_database: Callable[[str], str], key_ring_file: Path
) -> AsyncIterator[World]:
    url = make_database("photos")
    await asyncio.to_thread(migrations.upgrade, "mizzap_photos", url)
    settings = settings_for(
        PhotosSettings, nats_url, s3_settings, url, workers=1, sweep_interval_seconds=3600, key_ring_file=key_ring_file
    )
    storage = Storage(settings_for(Settings, nats_url, s3_settings))
    # the bucket is everybody's: what earlier tests stored would be this one's user's too
    await storage.remove(*[found.key for found in await storage.list("user-")])
    async with outsider(nats_url) as bus, running(build(settings)):
        yield World(bus, storage, settings)


@pytest.fixture
def pieces(world: World, ring: KeyRing) -> tuple[Photos, Sweeper, Database]:
    """The service's inside, for what no message can bring about in time."""
    database = Database(world.settings.database_url.get_secret_value())
    photos = Photos(database, world.storage, Quotas(database, world.settings), ring)
    return photos, Sweeper(photos, database, world.storage, world.bus, world.settings), database


@pytest.fixture(scope="session")
def library_url(make_database: Callable[[str], str]) -> str:
    url = make_database("photos_library")
    migrations.upgrade("mizzap_photos", url)
    return url


@pytest.fixture
async def database(library_url: str) -> AsyncIterator[Database]:
    """The same one for all tests of the session: each has a user of its own."""
    made = Database(library_url)
    yield made
    await made.close()


@pytest.fixture
def user_id() -> int:
    """A user whom no other test knows."""
    return next(_users)
