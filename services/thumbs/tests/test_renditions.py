"""photo.uploaded becomes three renditions, or a reason why not."""

import hashlib
from io import BytesIO

import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog, events, library, requests
from mizzap_common.errors import NotFound
from mizzap_common.storage import rendition_prefix
from mizzap_common.tables import OUTBOX
from PIL import Image
from sqlalchemy import select

pytestmark = pytest.mark.usefixtures("service")


async def of_photo(bus, event, photo):
    await testing.all_handled(bus.jetstream, "thumbs")
    # acknowledged means committed; the relay may still be on its way
    return await testing.eventually(lambda: _published_about(bus, event, photo.photo_id))


async def _published_about(bus, event, photo_id):
    return [p for p in await testing.published(bus.jetstream, event) if p.photo_id == photo_id]


async def locate(bus, user_id, photo_id, side=200):
    return await bus.ask(requests.THUMBS_LOCATE, library.LocateRendition(user_id=user_id, photo_id=photo_id, side=side))


async def test_three_upright_jpegs_without_metadata(bus, storage, upload, photo):
    uploaded = await upload(photo(1600, 800, orientation=6))
    await testing.publish_event(bus.jetstream, catalog.PHOTO_UPLOADED, uploaded)

    (thumbnailed,) = await of_photo(bus, catalog.PHOTO_THUMBNAILED, uploaded)

    assert thumbnailed.began_at
    sizes = {(r.side, r.width, r.height) for r in thumbnailed.renditions}
    assert sizes == {(200, 100, 200), (400, 200, 400), (1200, 600, 1200)}
    for rendition in thumbnailed.renditions:
        data = await storage.get(rendition.object_key)
        image = Image.open(BytesIO(data))
        assert (image.format, image.size) == ("JPEG", (rendition.width, rendition.height))
        assert not image.getexif()
        located = await locate(bus, uploaded.user_id, uploaded.photo_id, rendition.side)
        assert located == library.StoredObject(
            object_key=rendition.object_key,
            mime_type="image/jpeg",
            size_bytes=len(data),
            etag=hashlib.sha256(data).hexdigest(),
        )
        assert rendition.object_key.startswith(rendition_prefix(uploaded.user_id, uploaded.photo_id))


async def test_an_event_that_comes_again_doubles_nothing(bus, database, upload, photo):
    uploaded = await upload(photo(), user_id=21)
    event_id = await testing.publish_event(bus.jetstream, catalog.PHOTO_UPLOADED, uploaded)
    for _ in range(3):
        await testing.publish_event(bus.jetstream, catalog.PHOTO_UPLOADED, uploaded, event_id)
    # a sweeper's or another producer's event about the same photo has an id of its own
    await testing.publish_event(bus.jetstream, catalog.PHOTO_UPLOADED, uploaded)
    await testing.all_handled(bus.jetstream, "thumbs")

    async with database.begin() as session:
        told = (await session.execute(select(OUTBOX.c.subject).where(OUTBOX.c.about == uploaded.about))).scalars().all()
    assert told == ["photo.thumbnailed"] * 2
    counted = await bus.ask(requests.THUMBS_COUNT, library.UserRequest(user_id=21))
    assert counted.count == 3


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda data: data[: len(data) // 2], "IMAGE_UNREADABLE"),
        (lambda data: b"", "IMAGE_UNREADABLE"),
        (lambda data: b"\x00\x00\x00\x18ftypmp42" + data, "MEDIA_UNSUPPORTED"),
    ],
    ids=["cut off", "empty", "video"],
)
async def test_what_is_no_photo_is_an_outcome_at_the_first_try(bus, storage, upload, photo, damage, code):
    uploaded = await upload(damage(photo()))
    await testing.publish_event(bus.jetstream, catalog.PHOTO_UPLOADED, uploaded)

    (failed,) = await of_photo(bus, catalog.THUMBNAIL_FAILED, uploaded)

    assert failed.code == code
    assert failed.message and failed.began_at
    assert await _published_about(bus, catalog.PHOTO_THUMBNAILED, uploaded.photo_id) == []
    assert await storage.list(rendition_prefix(uploaded.user_id, uploaded.photo_id)) == []
    assert await testing.dead_letters(bus.jetstream) == 0


async def test_foreign_photos_answer_like_missing_ones(bus, upload, photo):
    uploaded = await upload(photo(), user_id=31)
    await testing.publish_event(bus.jetstream, catalog.PHOTO_UPLOADED, uploaded)
    await of_photo(bus, catalog.PHOTO_THUMBNAILED, uploaded)
    assert await locate(bus, 31, uploaded.photo_id)

    with pytest.raises(NotFound) as foreign:
        await locate(bus, 32, uploaded.photo_id)
    with pytest.raises(NotFound) as missing:
        await locate(bus, 32, 2**62)

    answers = [(e.value.code, e.value.message, e.value.details) for e in (foreign, missing)]
    assert answers[0] == answers[1]
    counted = await bus.ask(requests.THUMBS_COUNT, library.UserRequest(user_id=32))
    assert counted.count == 0


async def test_what_a_deletion_leaves(bus, storage, upload, photo, deletion_of):
    gone, kept = (await upload(photo(), user_id=41), await upload(photo(), user_id=41))
    for uploaded in (gone, kept):
        await testing.publish_event(bus.jetstream, catalog.PHOTO_UPLOADED, uploaded)
        await of_photo(bus, catalog.PHOTO_THUMBNAILED, uploaded)

    await testing.publish_event(bus.jetstream, catalog.PHOTO_DELETED, deletion_of(gone))
    await testing.all_handled(bus.jetstream, "thumbs")

    with pytest.raises(NotFound):
        await locate(bus, 41, gone.photo_id)
    assert await storage.list(rendition_prefix(41, gone.photo_id)) == []
    assert await locate(bus, 41, kept.photo_id)
    assert len(await storage.list(rendition_prefix(41, kept.photo_id))) == 3


async def test_renditions_are_made_again_when_they_are_asked_for(bus, storage, upload, photo):
    uploaded = await upload(photo())
    await testing.publish_event(bus.jetstream, catalog.PHOTO_UPLOADED, uploaded)
    (first,) = await of_photo(bus, catalog.PHOTO_THUMBNAILED, uploaded)
    await storage.remove(*(rendition.object_key for rendition in first.renditions))

    for steps in (["dedup", "ai_score", "metadata_extract"], ["thumbnail"]):
        requested = events.ProcessingRequested(**uploaded.model_dump(), steps=steps)
        await testing.publish_event(bus.jetstream, catalog.PROCESSING_REQUESTED, requested)
    await testing.all_handled(bus.jetstream, "thumbs")

    async def told():
        return len(await _published_about(bus, catalog.PHOTO_THUMBNAILED, uploaded.photo_id)) == 2

    await testing.eventually(told)
    for rendition in first.renditions:
        assert len(await storage.get(rendition.object_key)) == rendition.size_bytes
