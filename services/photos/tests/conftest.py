"""A running photos service, and its inside for what no message can bring about in time."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from mizzap_common import migrations
from mizzap_common.db import Database
from mizzap_common.settings import Settings
from mizzap_common.storage import Storage
from mizzap_common.testing import Store, outsider, running, settings_for
from mizzap_photos.app import build
from mizzap_photos.quotas import Quotas
from mizzap_photos.service import Photos
from mizzap_photos.settings import PhotosSettings
from mizzap_photos.sweeper import Sweeper

from services.photos.tests.worlds import World


@pytest.fixture
async def world(nats_url: str, s3_settings: Store, make_database: Callable[[str], str]) -> AsyncIterator[World]:
    url = make_database("photos")
    await asyncio.to_thread(migrations.upgrade, "mizzap_photos", url)
    settings = settings_for(PhotosSettings, nats_url, s3_settings, url, workers=1, sweep_interval_seconds=3600)
    async with outsider(nats_url) as bus, running(build(settings)):
        yield World(bus, Storage(settings_for(Settings, nats_url, s3_settings)), settings)


@pytest.fixture
def pieces(world: World) -> tuple[Photos, Sweeper, Database]:
    """The service's inside, for what no message can bring about in time."""
    database = Database(world.settings.database_url.get_secret_value())
    photos = Photos(database, world.storage, Quotas(database, world.settings))
    return photos, Sweeper(photos, database, world.storage, world.bus, world.settings), database
