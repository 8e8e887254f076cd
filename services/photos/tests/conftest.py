"""A database of the photos service without the service: for what needs no message to be seen."""

import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from mizzap_common import migrations
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing, new_key_ring

_users = itertools.count(1000)


@pytest.fixture(scope="session")
def key_ring_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "photos.json"
    path.write_text(new_key_ring("1"))
    return path


@pytest.fixture(scope="session")
def ring(key_ring_file: Path) -> KeyRing:
    return KeyRing.from_file(key_ring_file)


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
