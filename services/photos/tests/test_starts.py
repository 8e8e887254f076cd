"""Steps that have begun: seen as such once a worker said so, and nothing else rests on it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from mizzap_common.contracts import catalog, events, library, requests, steps
from mizzap_common.contracts.steps import Start
from mizzap_common.db import Database
from mizzap_common.errors import Conflict
from mizzap_common.testing import all_handled, eventually
from mizzap_photos import jobs
from mizzap_photos import sweeper as sweeping
from mizzap_photos.models import JobRow
from mizzap_photos.reprocessing import request_again
from mizzap_photos.service import Photos
from mizzap_photos.starts import Starts
from mizzap_photos.sweeper import Sweeper
from sqlalchemy import func, select

from services.photos.tests.test_reprocessing import jobs_of, lose, retry
from services.photos.tests.worlds import USER, World, jpeg

Pieces = tuple[Photos, Sweeper, Database]


async def say(world: World, worker: str, photo_id: int, user_id: int = USER) -> None:
    await world.bus.client.publish(steps.subject(worker, user_id), steps.body(photo_id))


async def job_is(world: World, photo_id: int, step: library.JobType, status: str) -> library.Job:
    async def reached() -> library.Job | None:
        job = (await jobs_of(world, photo_id))[step]
        return job if job.status == status else None

    return await eventually(reached)


async def uploaded(world: World, name: str = "a.jpg") -> int:
    """A photo of which this service has done all that it does by itself."""
    photo_id = (await world.upload(jpeg(), name)).photo.id
    await job_is(world, photo_id, "metadata_extract", "completed")
    await all_handled(world.bus.jetstream, "photos")
    return photo_id


async def end_thumbnail(world: World, photo_id: int, began_at: datetime | None = None) -> library.Job:
    about = {"photo_id": photo_id, "user_id": USER, "began_at": began_at}
    await world.tell(catalog.PHOTO_THUMBNAILED, events.PhotoThumbnailed(**about, renditions=[]))
    return await job_is(world, photo_id, "thumbnail", "completed")


@pytest.fixture
def starts(world: World, pieces: Pieces) -> Starts:
    """One that hears what the test tells it, and writes when it is told to."""
    return Starts(pieces[2], world.bus)


async def test_a_step_that_has_begun_is_under_way_until_it_ends(world: World) -> None:
    photo_id = await uploaded(world)
    await say(world, "thumbs", photo_id)
    begun = await job_is(world, photo_id, "thumbnail", "processing")
    assert begun.started_at is not None and begun.started_at >= begun.created_at
    assert (begun.retry_count, begun.completed_at) == (0, None)

    progress = await world.bus.ask(requests.PHOTOS_PROGRESS, library.UserRequest(user_id=USER))
    assert (progress.photos, progress.pending) == (1, 1)
    listed = await world.bus.ask(requests.PHOTOS_JOBS, library.ListJobs(user_id=USER, status="processing"))
    assert begun in listed.jobs
    with pytest.raises(Conflict) as caught:
        await retry(world, begun)
    assert (caught.value.code, caught.value.details) == ("JOB_NOT_FAILED", {"status": "processing"})

    ended = await end_thumbnail(world, photo_id)
    assert ended.started_at == begun.started_at
    assert ended.completed_at is not None and ended.completed_at >= begun.started_at


async def test_photos_says_it_of_its_own_step(world: World) -> None:
    photo_id = await uploaded(world)

    job = (await jobs_of(world, photo_id))["metadata_extract"]
    assert job.started_at and job.completed_at and job.created_at < job.started_at < job.completed_at


async def test_who_says_it_late_or_of_somebody_elses_photo_or_nothing_sensible_changes_nothing(world: World) -> None:
    photo_id, other = [await uploaded(world, f"{name}.jpg") for name in "ab"]
    before = await end_thumbnail(world, photo_id)
    await say(world, "curation", photo_id)
    await job_is(world, photo_id, "ai_score", "processing")
    await say(world, "thumbs", photo_id)
    await say(world, "dedup", photo_id, USER + 1)
    await world.bus.client.publish(steps.subject("dedup", USER), b"nonsense")
    await world.bus.client.publish(steps.subject("albums", USER), steps.body(photo_id))
    await say(world, "curation", other)
    await job_is(world, other, "ai_score", "processing")
    after = await jobs_of(world, photo_id)
    assert after["thumbnail"] == before and before.started_at is None
    assert (after["dedup"].status, after["dedup"].started_at) == ("queued", None)


async def test_a_step_whose_beginning_nobody_heard_has_one_all_the_same(world: World) -> None:
    photo_id = await uploaded(world)
    began_at = datetime.now(UTC)
    ended = await end_thumbnail(world, photo_id, began_at)
    assert ended.started_at == began_at
    assert ended.completed_at is not None and ended.created_at < ended.started_at < ended.completed_at


async def test_a_step_that_fails_says_when_it_began(world: World) -> None:
    photo_id = await uploaded(world)
    about = {"photo_id": photo_id, "user_id": USER, "began_at": datetime.now(UTC)}
    failure = events.StepFailed(**about, code="IMAGE_UNREADABLE", message="Cut short.")
    await world.tell(catalog.THUMBNAIL_FAILED, failure)
    assert (await job_is(world, photo_id, "thumbnail", "failed")).started_at == about["began_at"]


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_workers_wrong_clock_puts_no_beginning_outside_its_step(world: World, hours: int) -> None:
    photo_id = await uploaded(world)
    ended = await end_thumbnail(world, photo_id, datetime.now(UTC) + timedelta(hours=hours))
    assert ended.started_at == (ended.created_at if hours < 0 else ended.completed_at)


async def test_a_beginning_that_was_heard_stays_when_the_step_ends(world: World) -> None:
    photo_id = await uploaded(world)
    await say(world, "thumbs", photo_id)
    begun = await job_is(world, photo_id, "thumbnail", "processing")
    assert (await end_thumbnail(world, photo_id, datetime.now(UTC))).started_at == begun.started_at


@pytest.mark.parametrize("told", [True, False])
async def test_a_beginning_noted_while_the_end_is_under_way_is_not_after_it(
    world: World, pieces: Pieces, told: bool
) -> None:
    photo_id = await uploaded(world)
    ended = events.StepEnded(photo_id=photo_id, user_id=USER, began_at=datetime.now(UTC) if told else None)
    async with pieces[2].begin() as ending:
        ends_at = (await ending.execute(select(func.now()))).scalar_one()
        async with pieces[2].begin() as session:
            begins_at = (await session.execute(select(func.clock_timestamp()))).scalar_one()
            assert begins_at > ends_at
            assert await jobs.begin(session, {Start(USER, photo_id, "thumbnail"): begins_at})
        await jobs.end(ending, ended, "thumbnail")
    job = (await jobs_of(world, photo_id))["thumbnail"]
    assert job.started_at == job.completed_at == ends_at


async def test_a_beginning_from_before_the_step_was_wanted_again_is_none(
    world: World, starts: Starts, pieces: Pieces
) -> None:
    photo_id = await uploaded(world)
    starts.hear(Start(USER, photo_id, "thumbnail"))
    async with pieces[2].begin() as session:
        await request_again(session, USER, [photo_id], ["thumbnail"])
    await starts.write()
    after = (await jobs_of(world, photo_id))["thumbnail"]
    assert (after.status, after.started_at) == ("queued", None)
    starts.hear(Start(USER, photo_id, "thumbnail"))
    await starts.write()
    assert (await jobs_of(world, photo_id))["thumbnail"].status == "processing"


async def test_it_waits_for_nobody_and_comes_back_to_what_was_held(
    world: World, starts: Starts, pieces: Pieces
) -> None:
    first, second = [await uploaded(world, f"{name}.jpg") for name in "ab"]
    for photo_id in (first, second):
        starts.hear(Start(USER, photo_id, "dedup"))
    async with pieces[2].begin() as session:
        await session.execute(select(JobRow.id).where(JobRow.photo_id == first).with_for_update())
        async with asyncio.timeout(10):
            await starts.write()
        assert (await jobs_of(world, second))["dedup"].status == "processing"
    assert (await jobs_of(world, first))["dedup"].status == "queued"
    await starts.write()
    assert (await jobs_of(world, first))["dedup"].status == "processing"


async def test_a_step_whose_worker_died_is_wanted_again_and_begins_again(
    world: World, pieces: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sweeper, _ = pieces
    monkeypatch.setattr(sweeping, "_CLOCK_SKEW", timedelta(0))
    sweeper.settings = world.settings.model_copy(update={"sweep_after_seconds": 0.0})
    photo_id = await uploaded(world)
    await say(world, "thumbs", photo_id)
    first = await job_is(world, photo_id, "thumbnail", "processing")
    assert await sweeper.sweep() == 0, "its worker's durable still holds the event"
    await lose(world, "photo.uploaded")
    assert await sweeper.sweep() > 0
    asked = (await jobs_of(world, photo_id))["thumbnail"]
    assert (asked.status, asked.retry_count, asked.started_at) == ("queued", 1, None)
    await world.told(catalog.PHOTO_UPLOADED, 2)
    await say(world, "thumbs", photo_id)
    again = await job_is(world, photo_id, "thumbnail", "processing")
    assert again.started_at is not None and first.started_at is not None and again.started_at > first.started_at
