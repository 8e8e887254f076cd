"""What every package's tests share: real servers, started at first use and thrown away at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from mizzap_common.db import Database
from mizzap_common.settings import DatabaseSettings
from mizzap_common.storage import Storage
from mizzap_devstack import testing
from mizzap_devstack.servers.s3 import S3Settings


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[testing.TestServers]:
    """The four embedded servers; each starts when its address is first asked for."""
    running = testing.TestServers(tmp_path_factory.mktemp("servers"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def nats_url(servers: testing.TestServers) -> str:
    return servers.nats_url


@pytest.fixture(scope="session")
def make_database(servers: testing.TestServers) -> Callable[[str], str]:
    """`make_database("photos")` makes a fresh database and role and gives SQLAlchemy's URL (postgresql+psycopg://)."""
    return servers.create_database


@pytest.fixture(scope="session")
def s3_settings(servers: testing.TestServers) -> S3Settings:
    """endpoint (host:port), access_key, secret_key, bucket."""
    return servers.s3


@pytest.fixture(scope="session")
def qdrant_url(servers: testing.TestServers) -> str:
    return servers.qdrant_url


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real photos beside the project; the test is skipped where they aren't."""
    folder = testing.shared_data(Path(__file__).resolve().parent)
    if folder is None:
        pytest.skip("the real photos are not here: no folder ../shared/data beside the project")
    return folder


# --- beside a running service, whose tests give its `settings` ------------------------------------------------------


@pytest.fixture(scope="module")
async def database(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """The service's own, to look behind the scenes."""
    opened = Database(settings.database_url.get_secret_value())
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def storage(settings: DatabaseSettings) -> Storage:
    return Storage(settings)
