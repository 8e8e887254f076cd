"""Without a model photos are handled by their hashes alone, and what an earlier model left goes when its user wants it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mizzap_common import migrations, testing
from mizzap_common.contracts import catalog, events
from mizzap_common.db import Database
from mizzap_common.storage import Storage
from mizzap_common.telemetry import HANDLED
from mizzap_dedup import app, vectors
from mizzap_dedup import events as hearing
from mizzap_dedup.settings import DedupSettings

from services.dedup.tests.test_search import make_bundle
from services.dedup.tests.worlds import Elsewhere, World

MakeWorld = Callable[[str], AbstractAsyncContextManager[World]]
Mine = tuple[int, int]


async def delete_first(world: World, mine: Mine) -> set[int]:
    gone = events.PhotoDeleted(photo_id=mine[0], user_id=world.user, sha256="0" * 64, object_key="x")
    await testing.publish_event(world.bus.jetstream, catalog.PHOTO_DELETED, gone)
    return {mine[0]}


async def withdraw(world: World, mine: Mine) -> set[int]:
    await world.say(False)
    return set(mine)


async def erase(world: World, mine: Mine) -> set[int]:
    asked = events.UserErasureRequested(user_id=world.user, erasure_id="e", asked=1)
    await testing.publish_event(world.bus.jetstream, catalog.USER_ERASURE_REQUESTED, asked)
    return set(mine)


Way = Callable[[World, Mine], Awaitable[set[int]]]
ways = pytest.mark.parametrize("way", [delete_first, withdraw, erase])
"""Each asks for the removal of some of a user's vectors, and says of which."""


@pytest.fixture(scope="module")
def settings(
    nats_url: str, s3_settings: testing.Store, qdrant_url: str, make_database: Callable[[str], str]
) -> DedupSettings:
    url = make_database("dedup_without_model")
    migrations.upgrade("mizzap_dedup", url)
    return testing.settings_for(DedupSettings, nats_url, s3_settings, url, workers=1, qdrant_url=qdrant_url)


@pytest.fixture
def make_world(
    settings: DedupSettings, database: Database, storage: Storage, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> MakeWorld:
    """A user before a service that looks for the engine at the given address."""
    monkeypatch.setattr(app, "choose_bundle", lambda *_: None)

    @asynccontextmanager
    async def make(qdrant_url: str) -> AsyncIterator[World]:
        service = app.build(settings.model_copy(update={"qdrant_url": qdrant_url}))
        async with testing.outsider(settings.nats_url) as bus, testing.running(service):
            yield World(bus, storage, database, elsewhere.qdrant)

    return make


async def left_by_an_earlier_model(world: World, elsewhere: Elsewhere) -> tuple[Mine, set[int]]:
    """The user's two photos, and all that have vectors."""
    first, second, theirs = (world.user * 10 + number for number in range(3))
    await elsewhere.put(world.user, first, second)
    await elsewhere.put(world.user + 2**40, theirs)
    return (first, second), {first, second, theirs}


@ways
async def test_what_an_earlier_model_left_goes(
    make_world: MakeWorld, elsewhere: Elsewhere, settings: DedupSettings, way: Way
) -> None:
    async with make_world(settings.qdrant_url) as world:
        mine, everything = await left_by_an_earlier_model(world, elsewhere)
        going = await way(world, mine)
        await world.handled()
    assert await elsewhere.left() == [everything - going, everything]


class Door:
    """An address that refuses until it is opened; then it leads to the engine."""

    def __init__(self, engine_url: str) -> None:
        self.engine = urlsplit(engine_url)
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._lead, sock=self.socket)
        yield
        server.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(self.engine.hostname, self.engine.port)
        await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


def retries() -> float:
    counters = [HANDLED.labels(event.durable("dedup"), "retried") for event in catalog.consumed_by("dedup")]
    return sum(counter._value.get() for counter in counters)


@ways
async def test_while_the_engine_is_away_photos_are_handled_and_removals_wait(
    make_world: MakeWorld, elsewhere: Elsewhere, settings: DedupSettings, way: Way, scene: Callable[[int], object]
) -> None:
    door = Door(settings.qdrant_url)
    async with make_world(door.url) as world:
        mine, everything = await left_by_an_earlier_model(world, elsewhere)
        # known, so that the photo doesn't wait for a first word
        await world.say(True)
        await world.handled()
        before = retries()
        photo = await world.upload(scene(40))
        await world.handled()
        hashed = await testing.eventually(lambda: world.told(catalog.PHOTO_FINGERPRINTED))
        assert [event.photo_id for event in hashed] == [photo.photo_id] and retries() == before
        going = await way(world, mine)
        await testing.eventually(lambda: retries() > before)
        assert await elsewhere.left() == [everything, everything]
        async with door.opened():
            await world.handled()
        assert await elsewhere.left() == [everything - going, everything]
        assert await testing.dead_letters(world.bus.jetstream) == 0


@pytest.mark.parametrize("way", [delete_first, withdraw])
async def test_removals_have_a_patience_of_their_own(
    make_world: MakeWorld, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day. With none at all they are given up at once; with that of other events they would be tried again."""
    assert sum(vectors.PATIENT_DELAYS) >= 24 * 60 * 60
    monkeypatch.setattr(hearing, "PATIENT_DELAYS", ())
    async with make_world(Door("").url) as world:
        await way(world, (1, 2))
        await testing.eventually(lambda: testing.dead_letters(world.bus.jetstream))


@ways
async def test_where_there_is_no_engine_nothing_waits_for_it(
    make_world: MakeWorld, elsewhere: Elsewhere, way: Way
) -> None:
    async with make_world("") as world:
        mine, everything = await left_by_an_earlier_model(world, elsewhere)
        before = retries()
        await way(world, mine)
        await world.handled()
        assert retries() == before and await testing.dead_letters(world.bus.jetstream) == 0
    assert await elsewhere.left() == [everything, everything]


def test_a_model_and_no_place_for_its_vectors_is_refused_at_the_start(settings: DedupSettings, tmp_path: Path) -> None:
    nowhere = settings.model_copy(update={"qdrant_url": "", "model": make_bundle(tmp_path)})
    with pytest.raises(SystemExit, match="MIZZAP_QDRANT_URL"):
        app.build(nowhere)
