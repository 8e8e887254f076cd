"""Steps that are done again: on the user's word, on another service's, and whatever gets lost on the way."""

from datetime import timedelta

import pytest
from mizzap_common import streams
from mizzap_common.contracts import catalog, events, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, NotFound
from mizzap_common.testing import all_handled, eventually, published
from mizzap_photos import sweeper as sweeping
from mizzap_photos.models import PhotoRow
from mizzap_photos.reprocessing import request_again
from mizzap_photos.service import Photos
from mizzap_photos.sweeper import Sweeper
from nats.js import api
from sqlalchemy import update

from services.photos.tests.worlds import USER, World, jpeg


async def jobs_of(world: World, photo_id: int) -> dict[str, library.Job]:
    page = await world.bus.ask(requests.PHOTOS_JOBS, library.ListJobs(user_id=USER, photo_id=photo_id))
    return {job.job_type: job for job in page.jobs}


async def retry(world: World, job: library.Job, user_id: int = USER) -> library.Job:
    return await world.bus.ask(requests.PHOTOS_RETRY_JOB, library.JobRequest(user_id=user_id, job_id=job.id))


async def status_is(world: World, photo_id: int, status: str) -> library.Photo:
    async def reached() -> library.Photo | None:
        photo = await world.photo(photo_id)
        return photo if photo.status == status else None

    return await eventually(reached)


async def with_failed_thumbnail(world: World) -> int:
    photo_id = (await world.upload(jpeg())).photo.id
    about = {"photo_id": photo_id, "user_id": USER}
    await world.tell(catalog.THUMBNAIL_FAILED, events.StepFailed(**about, code="IMAGE_TOO_SLOW", message="Too slow."))
    await world.tell(catalog.PHOTO_FINGERPRINTED, events.PhotoFingerprinted(**about, perceptual_hash="f" * 16))
    await world.tell(catalog.PHOTO_SCORED, events.PhotoScored(**about, quality_score=0.5))
    await status_is(world, photo_id, "failed")
    return photo_id


async def test_a_failed_step_is_tried_again_and_the_photo_told_again(world: World) -> None:
    photo_id = await with_failed_thumbnail(world)
    failed = (await jobs_of(world, photo_id))["thumbnail"]
    assert (failed.status, failed.error_message) == ("failed", "Too slow.")

    again = await retry(world, failed)
    assert (again.id, again.status, again.retry_count, again.error_message) == (failed.id, "queued", 1, None)
    photo = await world.photo(photo_id)
    assert (photo.status, photo.error, photo.processed_at) == ("uploaded", None, None)
    (requested,) = await world.told(catalog.PROCESSING_REQUESTED, 1)
    assert (requested.photo_id, requested.sha256, requested.size_bytes) == (photo_id, photo.sha256, photo.file_size)
    assert requested.steps == ["thumbnail"]

    about = {"photo_id": photo_id, "user_id": USER}
    await world.tell(catalog.PHOTO_THUMBNAILED, events.PhotoThumbnailed(**about, renditions=[]))
    await status_is(world, photo_id, "processed")
    (processed,) = await world.told(catalog.PHOTO_PROCESSED, 1)
    (was_failed,) = await published(world.bus.jetstream, catalog.PHOTO_FAILED)
    assert processed.version > was_failed.version > 0, "the later word has the higher version"


async def test_a_step_that_fails_again_is_told_again_with_its_new_reason(world: World) -> None:
    photo_id = await with_failed_thumbnail(world)
    await retry(world, (await jobs_of(world, photo_id))["thumbnail"])
    about = {"photo_id": photo_id, "user_id": USER}
    await world.tell(
        catalog.THUMBNAIL_FAILED, events.StepFailed(**about, code="IMAGE_UNREADABLE", message="Cut short.")
    )
    assert [told.code for told in await world.told(catalog.PHOTO_FAILED, 2)] == ["IMAGE_TOO_SLOW", "IMAGE_UNREADABLE"]
    photo = await status_is(world, photo_id, "failed")
    assert photo.error is not None and photo.error.code == "IMAGE_UNREADABLE"


async def test_only_a_failed_step_and_only_by_its_owner(world: World) -> None:
    photo_id = await with_failed_thumbnail(world)
    jobs = await jobs_of(world, photo_id)
    with pytest.raises(Conflict) as caught:
        await retry(world, jobs["dedup"])
    assert (caught.value.code, caught.value.details) == ("JOB_NOT_FAILED", {"status": "completed"})
    answers = []
    for job in (jobs["thumbnail"], jobs["thumbnail"].model_copy(update={"id": 10**9})):
        with pytest.raises(NotFound) as missing:
            await retry(world, job, USER + 1)
        answers.append((missing.value.code, missing.value.message))
    assert answers[0] == answers[1]
    await retry(world, jobs["thumbnail"])
    with pytest.raises(Conflict):
        await retry(world, jobs["thumbnail"])
    assert len(await world.told(catalog.PROCESSING_REQUESTED, 1)) == 1


async def test_steps_can_be_asked_for_again_of_photos_that_are_done(
    world: World, pieces: tuple[Photos, Sweeper, Database]
) -> None:
    _, _, database = pieces
    photo_id = (await world.upload(jpeg())).photo.id
    await world.finish_steps(photo_id)
    before = await status_is(world, photo_id, "processed")
    async with database.begin() as session:
        assert await request_again(session, USER + 1, [photo_id], ["metadata_extract"]) == 0
        await session.execute(update(PhotoRow).values(camera_model=None))
        assert await request_again(session, USER, [photo_id], ["metadata_extract", "ai_score"]) == 1
    assert (await jobs_of(world, photo_id))["dedup"].status == "completed"
    await world.told(catalog.PROCESSING_REQUESTED, 1)
    scored = events.PhotoScored(photo_id=photo_id, user_id=USER, quality_score=0.9)
    await world.tell(catalog.PHOTO_SCORED, scored)
    after = await status_is(world, photo_id, "processed")
    assert (after.camera_model, after.quality_score) == (before.camera_model, 0.9), "read once more"
    assert len(await world.told(catalog.PHOTO_PROCESSED, 2)) == 2


async def test_a_request_that_got_lost_is_told_again_and_the_upload_is_not(
    world: World, pieces: tuple[Photos, Sweeper, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sweeper, _ = pieces
    monkeypatch.setattr(sweeping, "_CLOCK_SKEW", timedelta(0))
    sweeper.settings = world.settings.model_copy(update={"sweep_after_seconds": 0.0})
    photo_id = await with_failed_thumbnail(world)
    await retry(world, (await jobs_of(world, photo_id))["thumbnail"])
    await world.told(catalog.PROCESSING_REQUESTED, 1)
    await all_handled(world.bus.jetstream, "photos")
    # thumbs doesn't run: its durable still holds the request
    assert await sweeper.sweep() == 0
    await lose(world, "processing.requested")
    assert await sweeper.sweep() > 0
    assert len(await world.told(catalog.PROCESSING_REQUESTED, 2)) >= 2
    assert len(await published(world.bus.jetstream, catalog.PHOTO_UPLOADED)) == 1
    assert (await jobs_of(world, photo_id))["thumbnail"].retry_count == 2


async def lose(world: World, subject: str) -> None:
    """The other services' durables begin anew, behind everything that was told."""
    for stream, durable in streams.consumer_configs():
        if durable.filter_subject == subject and not str(durable.durable_name).startswith("photos-"):
            await world.bus.jetstream.delete_consumer(stream, str(durable.durable_name))
            await world.bus.jetstream.add_consumer(stream, durable.evolve(deliver_policy=api.DeliverPolicy.NEW))


async def test_a_step_that_was_given_up_and_ends_after_all_heals_the_photo(world: World) -> None:
    photo_id = await with_failed_thumbnail(world)
    about = {"photo_id": photo_id, "user_id": USER}
    await world.tell(catalog.PHOTO_THUMBNAILED, events.PhotoThumbnailed(**about, renditions=[]))
    photo = await status_is(world, photo_id, "processed")
    assert photo.error is None
