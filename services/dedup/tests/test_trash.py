"""Photos in the trash stand in no group, and come back as if they had never been away."""

import pytest
from mizzap_common.contracts import catalog, events, library, requests
from mizzap_common.errors import NotFound
from mizzap_common.testing import (
    all_handled,
    dead_letters,
    publish_event,
)

from services.dedup.tests.test_service import Scene, World, encoded, service, world

__all__ = ["service", "world"]


async def trash(world: World, photo_id: int, version: int = 1) -> None:
    trashed = events.PhotoTrashed(photo_id=photo_id, user_id=world.user, version=version)
    await publish_event(world.bus.jetstream, catalog.PHOTO_TRASHED, trashed)
    await all_handled(world.bus.jetstream, "dedup")


async def restore(world: World, photo_id: int, version: int = 2) -> None:
    restored = events.PhotoRestored(photo_id=photo_id, user_id=world.user, version=version)
    await publish_event(world.bus.jetstream, catalog.PHOTO_RESTORED, restored)
    await all_handled(world.bus.jetstream, "dedup")


async def test_a_photo_in_the_trash_stands_in_no_group_and_comes_back_into_its_own(world: World, scene: Scene) -> None:
    a, b, c = await world.add(*(encoded(scene(1), quality=quality) for quality in (95, 80, 60)))
    (before,) = await world.groups()
    await trash(world, before.keeper)
    (group,) = await world.groups()
    assert set(group.members) == {a, b, c} - {before.keeper}
    assert all(before.keeper not in (pair.primary_photo_id, pair.duplicate_photo_id) for pair in await world.pairs())
    stats = await world.bus.ask(requests.DEDUP_STATS, library.UserRequest(user_id=world.user))
    assert (stats.total_duplicates, stats.duplicate_percentage) == (1, 50.0)
    # what arrives meanwhile is compared with it too
    (d,) = await world.add(encoded(scene(1), quality=40))
    assert before.keeper not in {number for found in await world.groups() for number in found.members}
    for _ in range(2):
        await restore(world, before.keeper)
    (group,) = await world.groups()
    assert (group.keeper, set(group.members)) == (before.keeper, {a, b, c, d})
    assert await world.vectors() == {a, b, c, d}


async def test_decisions_outlast_the_trash(world: World, scene: Scene) -> None:
    a, b, c = await world.add(*(encoded(scene(1), quality=quality) for quality in (95, 80, 60)))
    actions = {}
    for pair, action in zip(await world.pairs(), ("confirmed", "rejected"), strict=True):
        actions[pair.id] = (await world.act(pair.id, action)).action
    before = await world.groups()
    await trash(world, a)
    assert {pair.action for pair in await world.pairs()} <= {"pending"}
    stats = await world.bus.ask(requests.DEDUP_STATS, library.UserRequest(user_id=world.user))
    assert stats.total_duplicates == len(await world.pairs()), "a copy of what is in the trash is none"
    for duplicate_id in actions:
        with pytest.raises(NotFound):
            await world.act(duplicate_id, "pending")
    await restore(world, a)
    assert {pair.id: pair.action for pair in await world.pairs() if pair.id in actions} == actions
    assert [set(group.members) for group in await world.groups()] == [set(group.members) for group in before]
    assert {b, c} <= await world.vectors()


async def test_a_late_word_about_the_trash_changes_nothing(world: World, scene: Scene) -> None:
    a, _ = await world.add(encoded(scene(1), quality=95), encoded(scene(1), quality=60))
    await restore(world, a, version=2)
    await trash(world, a, version=1)
    assert len(await world.groups()) == 1
    await trash(world, a, version=3)
    await world.delete(a)
    await trash(world, a, version=5)
    assert await world.groups() == [] and a not in await world.vectors()
    assert await dead_letters(world.bus.jetstream) == 0


async def test_a_photo_trashed_before_it_was_fingerprinted_is_grouped_when_it_comes_back(
    world: World, scene: Scene
) -> None:
    await world.add(encoded(scene(1), quality=95))
    photo = await world.store(encoded(scene(1), quality=60))
    await trash(world, photo.photo_id)
    await publish_event(world.bus.jetstream, catalog.PHOTO_UPLOADED, photo)
    await all_handled(world.bus.jetstream, "dedup", 60)
    assert await world.groups() == []
    await restore(world, photo.photo_id)
    (group,) = await world.groups()
    assert photo.photo_id in group.members
