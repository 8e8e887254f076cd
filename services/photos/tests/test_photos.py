"""The photos service on the real servers: what is taken in, what is told, what a deletion takes along."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mizzap_common import migrations, streams
from mizzap_common.contracts import catalog, events, feed, keeping, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, NotFound
from mizzap_common.storage import original_key
from mizzap_common.testing import all_handled, eventually, published
from mizzap_photos import repository
from mizzap_photos import sweeper as sweeping
from mizzap_photos.service import Photos
from mizzap_photos.sweeper import Sweeper
from nats.js import api

from services.photos.tests.worlds import USER, World, jpeg


def test_the_models_are_what_the_migrations_make(make_database: Callable[[str], str]) -> None:
    url = make_database("photos_migrations")
    migrations.upgrade("mizzap_photos", url)
    migrations.check("mizzap_photos", url)


async def test_a_photo_is_processed_when_all_its_steps_are(world: World) -> None:
    registered = await world.upload(jpeg())
    assert registered.created and registered.photo.status == "uploaded"
    photo_id = registered.photo.id
    (told,) = await world.told(catalog.PHOTO_UPLOADED, 1)
    assert told.object_key == original_key(USER, registered.photo.sha256)
    await world.finish_steps(photo_id)
    await world.told(catalog.PHOTO_PROCESSED, 1)
    photo = await world.photo(photo_id)
    assert photo.status == "processed"
    assert (photo.width, photo.height, photo.camera_model) == (80, 60, "Canon EOS 70D")
    assert str(photo.taken_at) == "2024-05-06 07:08:09"
    assert (photo.perceptual_hash, photo.quality_score) == ("f" * 16, 0.5)
    await world.finish_steps(photo_id)
    await all_handled(world.bus.jetstream, "photos")
    assert len(await published(world.bus.jetstream, catalog.PHOTO_PROCESSED)) == 1, "told once"


async def test_many_photos_whose_steps_end_at_the_same_time_are_all_processed(world: World) -> None:
    ids = [(await world.upload(jpeg(seed), f"{seed}.jpg")).photo.id for seed in range(12)]
    await asyncio.gather(*(world.finish_steps(photo_id) for photo_id in ids))
    assert sorted(done.photo_id for done in await world.told(catalog.PHOTO_PROCESSED, len(ids))) == sorted(ids)


async def test_the_same_upload_again_is_the_same_photo(world: World) -> None:
    answers = await asyncio.gather(*(world.upload(jpeg()) for _ in range(10)))
    assert len({answer.photo.id for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    await world.told(catalog.PHOTO_UPLOADED, 1)
    progress = await world.bus.ask(requests.PHOTOS_PROGRESS, library.UserRequest(user_id=USER))
    assert (progress.photos, progress.stored) == (1, 1)


async def test_known_bytes_are_adopted_under_another_name(world: World) -> None:
    first = await world.upload(jpeg())
    adopt = library.AdoptPhoto(user_id=USER, file_name="b/copy.jpg", sha256=first.photo.sha256)
    second = await world.bus.ask(requests.PHOTOS_ADOPT, adopt)
    assert second.created and second.photo.id != first.photo.id
    known = await world.bus.ask(requests.PHOTOS_PRECHECK, library.Precheck(user_id=USER, sha256=[adopt.sha256]))
    assert known.known[0].file_names == ["a.jpg", "b/copy.jpg"]


async def test_nobody_learns_or_adopts_what_another_user_has(world: World) -> None:
    first = await world.upload(jpeg())
    other = USER + 1
    known = await world.bus.ask(requests.PHOTOS_PRECHECK, library.Precheck(user_id=other, sha256=[first.photo.sha256]))
    assert known.known == []
    with pytest.raises(NotFound):
        adopt = library.AdoptPhoto(user_id=other, file_name="x.jpg", sha256=first.photo.sha256)
        await world.bus.ask(requests.PHOTOS_ADOPT, adopt)
    for method in (requests.PHOTOS_GET, requests.PHOTOS_DELETE, requests.PHOTOS_RESTORE, requests.PHOTOS_ORIGINAL):
        answers = []
        for photo_id in (first.photo.id, 10**9):
            with pytest.raises(NotFound) as caught:
                await world.bus.ask(method, method.request(user_id=other, photo_id=photo_id))
            answers.append((caught.value.code, caught.value.message))
        assert answers[0] == answers[1]
    assert (await world.photo(first.photo.id)).id == first.photo.id


async def test_many_photos_are_shown_in_the_order_asked_for(world: World) -> None:
    mine = [(await world.upload(jpeg(), f"{number}.jpg")).photo.id for number in range(3)]
    theirs = (await world.upload(jpeg(), user_id=USER + 1)).photo.id
    asked = library.PhotosRequest(user_id=USER, photo_ids=[mine[2], theirs, 10**12, mine[0]])
    found = (await world.bus.ask(requests.PHOTOS_MANY, asked)).photos
    assert [(photo.id, photo.file_name) for photo in found] == [(mine[2], "2.jpg"), (mine[0], "0.jpg")]
    await world.bus.ask(requests.PHOTOS_DELETE, keeping.DeletePhoto(user_id=USER, photo_id=mine[2]))
    left = (await world.bus.ask(requests.PHOTOS_MANY, asked)).photos
    assert [photo.id for photo in left] == [mine[0]], "the other one is in the trash"


async def test_bytes_that_are_not_there_are_no_photo(world: World) -> None:
    request = await world.store(jpeg())
    await world.storage.remove(original_key(USER, request.sha256))
    with pytest.raises(Conflict) as caught:
        await world.bus.ask(requests.PHOTOS_REGISTER, request)
    assert caught.value.code == "UPLOAD_AGAIN"


async def test_a_broken_photo_fails_with_its_reason_and_keeps_its_bytes(world: World) -> None:
    registered = await world.upload(b"\xff\xd8\xff\xe0 this is no photo")
    photo_id = registered.photo.id
    failure = events.StepFailed(photo_id=photo_id, user_id=USER, code="IMAGE_UNREADABLE", message="Cut short.")
    for event in (catalog.THUMBNAIL_FAILED, catalog.FINGERPRINT_FAILED, catalog.SCORE_FAILED):
        await world.tell(event, failure)
    (failed,) = await world.told(catalog.PHOTO_FAILED, 1)
    assert (failed.photo_id, failed.code) == (photo_id, "IMAGE_UNREADABLE")
    photo = await world.photo(photo_id)
    assert photo.status == "failed" and photo.error and photo.error.code == "IMAGE_UNREADABLE"
    assert await world.storage.stat(original_key(USER, photo.sha256))


async def test_deleting_keeps_the_original_while_another_photo_uses_it(world: World) -> None:
    first = await world.upload(jpeg(), "a.jpg")
    second = await world.upload(jpeg(), "b.jpg")
    key = original_key(USER, first.photo.sha256)
    for photo, left in ((first.photo, True), (second.photo, False)):
        await world.delete(photo.id)
        await world.told(catalog.PHOTO_DELETED, 2 - left)
        await all_handled(world.bus.jetstream, "photos")
        assert (await world.storage.stat(key) is not None) == left
        with pytest.raises(NotFound):
            await world.photo(photo.id)


async def test_an_upload_that_meets_a_deletion_is_stored_or_refused_never_lost(world: World) -> None:
    data = jpeg()
    for round_ in range(15):
        photo = (await world.upload(data, f"{round_}.jpg")).photo
        _, outcome = await asyncio.gather(
            world.delete(photo.id), world.upload(data, f"again-{round_}.jpg"), return_exceptions=True
        )
        await world.told(catalog.PHOTO_DELETED, 2 * round_ + 1)
        await all_handled(world.bus.jetstream, "photos")
        if isinstance(outcome, library.RegisteredPhoto):
            assert await world.storage.stat(original_key(USER, photo.sha256)), "an acknowledged upload was lost"
            await world.delete(outcome.photo.id)
        else:
            assert isinstance(outcome, Conflict)
            await world.delete((await world.upload(data, "x")).photo.id)
        await world.told(catalog.PHOTO_DELETED, 2 * round_ + 2)
        await all_handled(world.bus.jetstream, "photos")


async def test_the_sweeper_tells_an_upload_again_only_when_nobody_has_it(
    world: World, pieces: tuple[Photos, Sweeper, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sweeper, _ = pieces
    monkeypatch.setattr(sweeping, "_CLOCK_SKEW", timedelta(0))
    sweeper.settings = world.settings.model_copy(update={"sweep_after_seconds": 0.0})
    await world.upload(jpeg())
    await world.told(catalog.PHOTO_UPLOADED, 1)
    await all_handled(world.bus.jetstream, "photos")
    # thumbs, dedup and curation don't run: their durables still hold the event
    assert await sweeper.sweep() == 0
    for stream, durable in streams.consumer_configs():
        if durable.filter_subject == "photo.uploaded" and durable.durable_name != "photos-photo-uploaded":
            await world.bus.jetstream.delete_consumer(stream, str(durable.durable_name))
            await world.bus.jetstream.add_consumer(stream, durable.evolve(deliver_policy=api.DeliverPolicy.NEW))
    assert await sweeper.sweep() > 0
    await world.told(catalog.PHOTO_UPLOADED, 2)


async def test_a_step_that_never_ends_fails_the_photo_at_last(
    world: World, pieces: tuple[Photos, Sweeper, Database]
) -> None:
    _, sweeper, _ = pieces
    registered = await world.upload(jpeg())
    sweeper.settings = world.settings.model_copy(update={"sweep_after_seconds": -1000.0, "sweep_limit": 0})
    await world.told(catalog.PHOTO_UPLOADED, 1)
    # a photo that is being looked at waits for the next round
    await all_handled(world.bus.jetstream, "photos")
    for step in sweeping.WORKERS:
        await sweeper._sweep_step(step, datetime.now(UTC) + timedelta(days=1))
    await eventually(lambda: _failed(world, registered.photo.id))


async def test_the_sweeper_waits_for_nobody_who_is_ending_a_step(
    world: World, pieces: tuple[Photos, Sweeper, Database]
) -> None:
    """Who ends a step holds the photo and wants its job: the sweeper must not hold the job and want the photo."""
    _, sweeper, database = pieces
    photo_id = (await world.upload(jpeg())).photo.id
    sweeper.settings = world.settings.model_copy(update={"sweep_after_seconds": -1000.0, "sweep_limit": 0})
    await world.told(catalog.PHOTO_UPLOADED, 1)
    await all_handled(world.bus.jetstream, "photos")
    later = datetime.now(UTC) + timedelta(days=1)
    async with database.begin() as session:
        await repository.get(session, USER, photo_id, lock=True)
        async with asyncio.timeout(10):
            for step in sweeping.WORKERS:
                await sweeper._sweep_step(step, later)
    assert (await world.photo(photo_id)).status == "uploaded"
    for step in sweeping.WORKERS:
        await sweeper._sweep_step(step, later)
    assert await _failed(world, photo_id)


async def _failed(world: World, photo_id: int) -> bool:
    photo = await world.photo(photo_id)
    return photo.status == "failed" and photo.error is not None and photo.error.code == "PROCESSING_GAVE_UP"


async def test_orphans_go_and_used_originals_stay(world: World, pieces: tuple[Photos, Sweeper, Database]) -> None:
    _, sweeper, _ = pieces
    registered = await world.upload(jpeg(1))
    orphan = await world.store(jpeg(2))
    assert await sweeper.remove_orphans(timedelta(hours=24)) == 0, "too young"
    await sweeper.remove_orphans(timedelta(seconds=-60))
    assert await world.storage.stat(original_key(USER, orphan.sha256)) is None
    assert await world.storage.stat(original_key(USER, registered.photo.sha256))


async def test_real_photos_are_read(world: World, shared_data: Path) -> None:
    heic = (shared_data / "photos/cameras/heic/IMG_2927.HEIC").read_bytes()
    registered = await world.upload(heic, "IMG_2927.HEIC")
    await world.told(catalog.PHOTO_UPLOADED, 1)
    await all_handled(world.bus.jetstream, "photos")
    photo = await world.photo(registered.photo.id)
    assert (photo.width, photo.height, str(photo.created_date)) == (3024, 4032, "2020-05-04")
    assert photo.camera_model == "Apple iPhone 11 Pro"


async def test_what_is_uploaded_is_found_and_followed(world: World, shared_data: Path) -> None:
    heic = (shared_data / "photos/cameras/heic/IMG_2927.HEIC").read_bytes()
    photo_id = (await world.upload(heic, "IMG_2927.HEIC")).photo.id
    await world.upload(jpeg(), "other.jpg")
    await world.told(catalog.PHOTO_UPLOADED, 2)
    await all_handled(world.bus.jetstream, "photos")
    page = await world.bus.ask(requests.PHOTOS_LIST, library.ListPhotos(user_id=USER, q="iphone 2927"))
    assert page.photos == [await world.photo(photo_id)] and page.total == 1
    feed_page = await world.bus.ask(requests.PHOTOS_CHANGES, feed.ChangesRequest(user_id=USER))
    shown = {change.id: change.data for change in feed_page.changes}
    assert shown[photo_id] == page.photos[0].model_dump(mode="json", by_alias=True) and len(shown) == 2
