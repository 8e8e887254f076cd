"""Choosing takes a while, and everything may happen meanwhile."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
import structlog
from mizzap_common import testing
from mizzap_common.contracts import catalog, curating, events, library
from mizzap_common.inbox import Delivery
from mizzap_common.tables import OUTBOX
from mizzap_curation import curator as curator_module
from mizzap_curation import repository, sets_repository
from mizzap_curation.curator import Curator
from mizzap_curation.models import ScoreRow, SetRow
from mizzap_curation.moments import LIMIT
from mizzap_curation.service import Curation
from mizzap_curation.sets_repository import Patience
from prometheus_client import REGISTRY
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

AT_ONCE = Patience(timedelta(0), timedelta(0))
users = iter(range(7_000_000, 8_000_000, 10_000))


@pytest.fixture
def user() -> int:
    return next(users)


@pytest.fixture
async def curation(database, storage, settings) -> Curation:
    """A service that nothing runs beside; it decodes nothing here."""
    return Curation(database, storage, None, settings.model_copy(update={"curation_quiet_seconds": 0.0}))  # type: ignore[arg-type]


@pytest.fixture
def curator(database, bus, settings, dedup) -> Curator:
    return Curator(database, bus, settings)


async def library_of(database, user, count=5) -> list[int]:
    """Scored photos, each from an event of its own, and a set that is due, of a user who has agreed to AI."""
    await testing.told_ai_consent(database, user)
    photos = list(range(user, user + count))
    async with database.begin() as session:
        for day, photo_id in enumerate(photos):
            taken_at = (
                (await session.execute(select(func.now() + timedelta(days=day)))).scalar_one().replace(tzinfo=None)
            )
            values = dict.fromkeys(("quality", "sharpness", "exposure", "contrast", "colourfulness", "low_noise"), 0.8)
            row = ScoreRow(
                photo_id=photo_id, user_id=user, taken_at=taken_at, screenshot=False, resolution=0.8, **values
            )
            await repository.store_score(session, row)
        await sets_repository.mark_due(session, user, AT_ONCE)
    return photos


async def shown(curation, user) -> list[int]:
    found = await curation.present(library.UserRequest(user_id=user))
    return [moment.photo_id for moment in found.moments]


async def ready_events(database, user) -> int:
    async with database.begin() as session:
        told = select(func.count()).where(OUTBOX.c.subject == "curation.ready", OUTBOX.c.about == f"user/{user}")
        return (await session.execute(told)).scalar_one()


def deletion(user, photo_id) -> events.PhotoDeleted:
    return events.PhotoDeleted(user_id=user, photo_id=photo_id, sha256="0" * 64, object_key="user-0/originals/0")


def delivery(event: catalog.Event) -> Delivery:
    return Delivery(event.durable("curation"), uuid4())


async def meanwhile(curator, dedup, happening) -> None:
    """`happening()` while the curator waits for vectors."""
    dedup.may_answer.clear()
    dedup.asked.clear()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(curator.work())
        await dedup.asked.wait()
        await happening()
        dedup.may_answer.set()


async def test_a_wish_meanwhile_is_not_overwritten(database, curation, curator, dedup, user):
    photos = await library_of(database, user)
    await curator.work()

    async def take_out():
        await curation.change(curating.ChangeMoments(user_id=user, remove=[photos[0]]))

    await library_of(database, user)
    await meanwhile(curator, dedup, take_out)
    assert await shown(curation, user) == photos[1:]
    assert await curator.work()
    assert await shown(curation, user) == photos[1:]
    assert (await curation.present(library.UserRequest(user_id=user))).up_to_date
    assert await ready_events(database, user) == 2


async def test_a_confirmation_meanwhile_is_kept(database, curation, curator, dedup, user):
    photos = await library_of(database, user, 3)
    await curator.work()
    await library_of(database, user, 5)
    await meanwhile(curator, dedup, lambda: curation.confirm(library.UserRequest(user_id=user)))
    assert await shown(curation, user) == photos
    assert not await curator.work()


async def test_a_photo_deleted_meanwhile_does_not_come_back(database, curation, curator, dedup, user):
    photos = await library_of(database, user)
    gone = deletion(user, photos[2])
    await meanwhile(curator, dedup, lambda: curation.forget(gone, delivery(catalog.PHOTO_DELETED)))
    assert await shown(curation, user) == [p for p in photos if p != photos[2]]
    found = await curation.present(library.UserRequest(user_id=user))
    assert not found.up_to_date
    assert await curator.work()


async def test_a_photo_that_comes_meanwhile_makes_the_set_due_again(database, curation, curator, dedup, user):
    await library_of(database, user, 3)

    async def more():
        await library_of(database, user, 4)

    await meanwhile(curator, dedup, more)
    assert len(await shown(curation, user)) == 3
    assert await curator.work()
    assert len(await shown(curation, user)) == 4
    assert not await curator.work()


async def test_two_curators_share_the_work_and_never_a_set(database, curation, curator, dedup, bus, settings):
    owners = [next(users) for _ in range(6)]
    for owner in owners:
        await library_of(database, owner, 2)
    others = Curator(database, bus, settings)

    async def all_of(one: Curator) -> None:
        while await one.work():
            pass

    await asyncio.gather(all_of(curator), all_of(others))
    assert [await ready_events(database, owner) for owner in owners] == [1] * 6


async def test_a_set_that_somebody_has_locked_keeps_nobody_waiting(database, curator):
    locked, free = next(users), next(users)
    await library_of(database, locked, 2)
    await library_of(database, free, 2)
    async with database.begin() as session:
        await sets_repository.mark_due(session, locked, AT_ONCE)
        async with asyncio.timeout(10):
            assert await curator.work()
        assert await ready_events(database, free) == 1
    while await curator.work():
        pass
    assert await ready_events(database, locked) == 1


async def test_a_claim_of_a_process_that_died_ends(database, curation, curator, user):
    await library_of(database, user)
    async with database.begin() as session:
        assert await sets_repository.claim(session, timedelta(seconds=100))
    assert not await curator.work()
    async with database.begin() as session:
        await session.execute(update(SetRow).where(SetRow.user_id == user).values(claimed_until=func.now()))
    assert await curator.work()


async def test_a_late_choice_does_not_replace_a_newer_one(database, curation, curator, user):
    await library_of(database, user, 3)
    async with database.begin() as session:
        late = await sets_repository.claim(session, timedelta(0))
    await library_of(database, user, 4)
    await curator.work()
    async with database.begin() as session:
        assert not await sets_repository.finish(session, late, 3)
    assert len(await shown(curation, user)) == 4


async def test_while_changes_go_on_the_set_is_due_in_the_end(database, user):
    patience = Patience(quiet=timedelta(hours=1), longest=timedelta(hours=3))
    async with database.begin() as session:
        first = await sets_repository.mark_due(session, user, patience)
        assert first.due_at - first.due_since == patience.quiet
    async with database.begin() as session:
        earlier = func.now() - timedelta(hours=2.5)
        await session.execute(update(SetRow).where(SetRow.user_id == user).values(due_since=earlier))
    async with database.begin() as session:
        later = await sets_repository.mark_due(session, user, patience)
        assert later.due_at - later.due_since == patience.longest


async def test_everything_at_once_ends_without_a_deadlock(database, curation, curator, user):
    """Deletions, wishes, uploads and choices of one user; PostgreSQL would end a deadlock with an error."""
    photos = await library_of(database, user, 40)
    await curator.work()

    async def delete(photo_id):
        await curation.forget(deletion(user, photo_id), delivery(catalog.PHOTO_DELETED))

    async def take_out(photo_id):
        await curation.change(curating.ChangeMoments(user_id=user, remove=[photo_id]))

    async def choose():
        for _ in range(10):
            await curator.work()

    await asyncio.gather(
        *(delete(photo_id) for photo_id in photos[:15]),
        *(take_out(photo_id) for photo_id in photos[15:30]),
        *(choose() for _ in range(3)),
    )
    while await curator.work():
        pass
    assert await shown(curation, user) == photos[30:]


async def moved(curation, user, photo_id, version) -> None:
    """Into the trash by an odd version, out of it by an even one."""
    hide = version % 2 == 1
    told = (events.PhotoTrashed if hide else events.PhotoRestored)(user_id=user, photo_id=photo_id, version=version)
    event = catalog.PHOTO_TRASHED if hide else catalog.PHOTO_RESTORED
    await curation.move(told, delivery(event), hide=hide)


async def test_of_more_pins_than_a_set_holds_the_newest_count(database, curation, curator, user):
    photos = await library_of(database, user, LIMIT + 1)
    trashed, pinned, last = photos[0], photos[:LIMIT], photos[LIMIT]
    await curation.change(curating.ChangeMoments(user_id=user, add=[trashed]))
    await curation.change(curating.ChangeMoments(user_id=user, add=pinned[1:]))
    await curator.work()
    assert await shown(curation, user) == pinned
    await moved(curation, user, trashed, 1)
    await curation.change(curating.ChangeMoments(user_id=user, add=[last]))
    await moved(curation, user, trashed, 2)
    assert await curator.work()
    assert await shown(curation, user) == [*pinned[1:], last]
    await curation.change(curating.ChangeMoments(user_id=user, remove=[last]))
    assert await curator.work()
    assert await shown(curation, user) == pinned, "its wish was kept"


async def test_a_set_that_cannot_be_chosen_keeps_nobody_waiting(database, curation, curator, dedup, monkeypatch):
    """Whatever fails: here two vectors of different lengths, which no dedup sends."""
    broken, sound = next(users), next(users)
    photos = await library_of(database, broken, 2)
    dedup.vectors |= {photos[0]: np.array([1.0, 0.0]), photos[1]: np.array([1.0, 0.0, 0.0])}
    async with database.begin() as session:
        await session.execute(update(ScoreRow).where(ScoreRow.user_id == broken).values(taken_at=None))
    await library_of(database, sound, 2)
    monkeypatch.setattr(curator_module, "log", structlog.get_logger())
    curator.retry = timedelta(minutes=1)

    def failed() -> float:
        return REGISTRY.get_sample_value("mizzap_choosing_failed_total", {"error": "ValueError"}) or 0.0

    async def pause() -> timedelta:
        async with database.begin() as session:
            until = select(SetRow.claimed_until - func.now()).where(SetRow.user_id == broken)
            waits = (await session.execute(until)).scalar_one()
            await session.execute(update(SetRow).where(SetRow.user_id == broken).values(claimed_until=None))
            return waits

    before, pauses = failed(), []
    with capture_logs() as logs:
        assert await curator.work(), "the one that fails has been due longest"
        assert await curator.work()
    assert await ready_events(database, sound) == 1
    (alarm,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert alarm["user_id"] == broken and isinstance(alarm["exc_info"], ValueError)
    for _ in range(3):
        pauses.append(await pause())
        await curator.work()
    assert failed() == before + 4
    assert timedelta(0) < pauses[0] < pauses[1] < pauses[2], "they grow"
    async with database.begin() as session:
        await session.execute(update(SetRow).where(SetRow.user_id == broken).values(failures=1000))
    await pause()
    await curator.work()
    assert timedelta(minutes=59) < await pause() <= timedelta(hours=1)
    dedup.vectors[photos[1]] = np.array([0.0, 1.0])
    await curator.work()
    assert await shown(curation, broken) == photos
    async with database.begin() as session:
        failures = select(SetRow.failures).where(SetRow.user_id == broken)
        assert (await session.execute(failures)).scalar_one() == 0
