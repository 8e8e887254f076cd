"""Vectors and what rests on them are there with the user's consent, and at no time without it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from mizzap_common import ai_consents, migrations, testing
from mizzap_common.contracts import catalog, duplicating, events, requests
from mizzap_common.db import Database
from mizzap_common.errors import Unavailable
from mizzap_common.models.choose import choose_bundle
from mizzap_common.storage import Storage
from mizzap_dedup import regroup, repository, rows
from mizzap_dedup.app import build
from mizzap_dedup.lanes import Match
from mizzap_dedup.models import DuplicateRow, FingerprintRow, MatchRow
from mizzap_dedup.service import Dedup
from mizzap_dedup.settings import DedupSettings
from mizzap_dedup.vectors import Collections
from qdrant_client import AsyncQdrantClient

from services.dedup.tests.worlds import Elsewhere, World

Scene = Callable[[int], npt.NDArray[np.uint8]]


@pytest.fixture(scope="module")
async def service(
    nats_url: str, s3_settings: testing.Store, qdrant_url: str, make_database: Callable[[str], str]
) -> AsyncIterator[World]:
    if choose_bundle("development", None) is None:
        pytest.skip("no embedding model is installed")
    url = make_database("dedup_consent")
    await asyncio.to_thread(migrations.upgrade, "mizzap_dedup", url)
    settings = testing.settings_for(DedupSettings, nats_url, s3_settings, url, workers=1, qdrant_url=qdrant_url)
    client, database = AsyncQdrantClient(url=qdrant_url), Database(url)
    async with testing.outsider(nats_url) as bus, testing.running(build(settings)):
        yield World(bus, Storage(settings), database, client)
    await client.close()
    await database.close()


@pytest.fixture
def world(service: World) -> World:
    """A user who has said nothing yet."""
    return World(service.bus, service.storage, service.database, service.qdrant)


async def test_without_consent_hashes_alone_are_made(world: World, scene: Scene) -> None:
    await world.say(True, purpose="marketing")
    one, other = await world.upload(scene(1), 95), await world.upload(scene(1), 60)
    await world.handled()
    assert await world.vectors() == set() and await world.told(catalog.PHOTO_EMBEDDED) == []
    hashed = await world.told(catalog.PHOTO_FINGERPRINTED)
    assert {event.photo_id for event in hashed} == {one.photo_id, other.photo_id}
    assert set(await world.pairs()) == {"near"}


async def test_the_first_photo_may_come_before_the_consent(world: World, scene: Scene) -> None:
    """The two take different ways: without some patience a new user's first photos would be left out."""
    photo = await world.upload(scene(30))
    await testing.told_ai_consent(world.database, world.user)
    await world.handled()
    assert await world.vectors() == {photo.photo_id}
    assert await world.told(catalog.EMBEDDING_ALLOWED) == []


async def test_agreeing_asks_for_what_was_left_out(world: World, scene: Scene) -> None:
    photo = await world.upload(scene(2))
    await world.handled()
    await world.say(True)
    await world.handled()
    [allowed] = await testing.eventually(lambda: world.told(catalog.EMBEDDING_ALLOWED))
    assert allowed.photo_ids == [photo.photo_id]
    await testing.publish_event(world.bus.jetstream, catalog.PHOTO_UPLOADED, photo)
    await world.handled()
    assert await world.vectors() == {photo.photo_id}
    # nothing is missing now: agreeing once more, after an outage say, asks for nothing
    await world.say(True)
    await world.handled()
    assert len(await world.told(catalog.EMBEDDING_ALLOWED)) == 1


async def _with_a_similar_pair(world: World, scene: Scene) -> tuple[int, int]:
    """Two photos whose match rests on their vectors, and two that are copies."""
    await world.say(True)
    for seed, quality in ((3, 95), (4, 95), (5, 95), (5, 60)):
        await world.upload(scene(seed), quality)
    await world.handled()
    left, right = sorted(row.photo_id for row in await world.rows(FingerprintRow))[:2]
    await _find_alike(world, left, right)
    assert set(await world.pairs()) == {"near", "similar"}
    return left, right


async def _find_alike(world: World, left: int, right: int) -> None:
    """As the search does when two vectors lie near each other."""
    async with world.database.begin() as session:
        await repository.lock_groups(session, world.user)
        await repository.store_matches(
            session, [rows.match_values(world.user, left, right, Match("similar", 0.97, ("alike",)))]
        )
        await regroup.regroup(session, world.user, [left, right])


async def test_withdrawing_removes_what_rests_on_vectors(world: World, scene: Scene) -> None:
    pair = await _with_a_similar_pair(world, scene)
    similar = (await world.pairs())["similar"]
    act = duplicating.ActOnDuplicate(user_id=world.user, duplicate_id=similar.id, action="confirmed")
    await world.bus.ask(requests.DEDUP_ACT, act)
    await world.say(False)
    await world.handled()
    assert await world.vectors() == set()
    assert set(await world.pairs()) == {"near"}
    assert [row.lane for row in await world.rows(MatchRow)] == ["near"]
    assert [row.embedded for row in await world.rows(FingerprintRow)] == [False] * 4
    withdrawn = await testing.eventually(lambda: world.told(catalog.DUPLICATE_WITHDRAWN))
    assert [event.duplicate_id for event in withdrawn] == [similar.id]
    # found again, it is as the user has said: nothing is asked twice
    await world.say(True)
    await world.handled()
    await _find_alike(world, *pair)
    assert (await world.pairs())["similar"].action == "confirmed"


async def test_a_copy_that_vectors_led_to_goes_with_them_and_one_of_the_hashes_stays(
    world: World, scene: Scene
) -> None:
    await world.say(True)
    for seed, quality in ((3, 95), (4, 95), (5, 95), (5, 60)):
        await world.upload(scene(seed), quality)
    await world.handled()
    left, right = sorted(row.photo_id for row in await world.rows(FingerprintRow))[:2]
    by_hash = (await world.pairs())["near"]
    async with world.database.begin() as session:
        await repository.lock_groups(session, world.user)
        led = Match("near", 0.7, ("laid upon each other",), by_likeness=True)
        await repository.store_matches(session, [rows.match_values(world.user, left, right, led)])
        await regroup.regroup(session, world.user, [left, right])
    assert len(await world.rows(DuplicateRow)) == 2
    await world.say(False)
    await world.handled()
    assert [row.id for row in await world.rows(DuplicateRow)] == [by_hash.id]
    assert [row.by_likeness for row in await world.rows(MatchRow)] == [False]


async def test_withdrawing_removes_an_earlier_model_s_vectors_too(world: World, elsewhere: Elsewhere) -> None:
    await elsewhere.put(world.user, 1)
    await elsewhere.put(world.user + 2**40, 2)
    await world.say(False)
    await world.handled()
    assert await elsewhere.left() == [{2}, {1, 2}]


async def test_a_consent_told_late_does_not_overrule_a_later_withdrawal(world: World, scene: Scene) -> None:
    await world.say(False, change=20)
    await world.handled()
    await world.say(True, change=10)
    await world.handled()
    await world.upload(scene(6))
    await world.handled()
    assert await world.vectors() == set()
    await world.say(True, change=30)
    await world.handled()
    await world.say(False, change=25)
    await world.handled()
    await world.upload(scene(7))
    await world.handled()
    assert len(await world.vectors()) == 1


async def _withdrawn_while_queued(world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch, photos: int) -> None:
    """The consent stands when each photo is begun, and is withdrawn before any vector is written."""
    await world.say(True)
    await world.handled()
    begun, go_on = asyncio.Event(), asyncio.Event()
    embed = Dedup._embed

    async def late(self: Dedup, photo: events.PhotoUploaded, found: Any) -> Any:
        assert found.vector is not None
        begun.set()
        await go_on.wait()
        return await embed(self, photo, found)

    monkeypatch.setattr(Dedup, "_embed", late)
    for seed in range(photos):
        await world.upload(scene(20 + seed))
    await begun.wait()
    await world.say(False)

    async def withdrawal_handled() -> bool:
        event = catalog.CONSENT_CHANGED
        info = await world.bus.jetstream.consumer_info(event.stream, event.durable("dedup"))
        return not info.num_pending and not info.num_ack_pending

    await testing.eventually(withdrawal_handled)
    go_on.set()
    # what is begun only now is examined without a vector
    monkeypatch.setattr(Dedup, "_embed", embed)
    await world.handled()
    assert len(await world.told(catalog.PHOTO_FINGERPRINTED)) == photos


async def test_nothing_is_written_after_a_withdrawal(
    world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _withdrawn_while_queued(world, scene, monkeypatch, photos=6)
    assert await world.vectors() == set()
    assert await world.told(catalog.PHOTO_EMBEDDED) == []


async def test_without_the_second_look_a_vector_is_written(
    world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: a worker that asks before its work alone. The test above must see it."""

    async def always(*_: object) -> int:
        return 1

    monkeypatch.setattr(ai_consents, "held", always)
    await _withdrawn_while_queued(world, scene, monkeypatch, photos=1)
    assert await world.vectors() != set()


async def test_a_withdrawal_counts_while_the_vectors_can_t_be_removed_yet(
    world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.say(True)
    photo = await world.upload(scene(8))
    await world.handled()
    tries, back = asyncio.Event(), asyncio.Event()
    remove_all = Collections.remove_all

    async def away(self: Collections, user_id: int) -> None:
        tries.set()
        if not back.is_set():
            raise Unavailable("not now")
        await remove_all(self, user_id)

    monkeypatch.setattr(Collections, "remove_all", away)
    await world.say(False)
    await tries.wait()
    second = await world.upload(scene(9))
    await testing.eventually(lambda: _is_hashed(world, second))
    assert await world.vectors() == {photo.photo_id}, "nothing new, and the old is not gone yet"
    back.set()
    await world.handled()
    assert await world.vectors() == set()


async def _is_hashed(world: World, photo: events.PhotoUploaded) -> bool:
    return photo.photo_id in {event.photo_id for event in await world.told(catalog.PHOTO_FINGERPRINTED)}
