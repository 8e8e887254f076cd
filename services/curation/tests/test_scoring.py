"""photo.uploaded becomes a score, or a reason why not."""

import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog, events
from mizzap_common.tables import OUTBOX
from mizzap_curation.models import ScoreRow
from sqlalchemy import delete, select


async def scores_of(database, user_id):
    async with database.begin() as session:
        return (await session.scalars(select(ScoreRow).where(ScoreRow.user_id == user_id))).all()


async def test_a_photo_gets_a_score_and_its_time(mizzap, database, photo):
    photo_id = await mizzap.upload(photo(3))
    await mizzap.handled()

    async def told():
        return await mizzap.published(catalog.PHOTO_SCORED)

    (scored,) = await testing.eventually(told)
    (row,) = await scores_of(database, mizzap.user_id)
    assert (scored.photo_id, row.photo_id) == (photo_id, photo_id)
    assert scored.quality_score == row.quality and scored.began_at
    assert 0.5 < row.quality <= 1
    assert row.taken_at.isoformat() == "2025-10-12T15:00:00"
    assert not row.screenshot


async def test_an_event_that_comes_again_doubles_nothing(mizzap, database, photo):
    photo_id = await mizzap.upload(photo())
    await mizzap.handled()
    event_id = await testing.publish_event(mizzap.bus.jetstream, catalog.PHOTO_UPLOADED, mizzap.uploaded[photo_id])
    for _ in range(2):
        await testing.publish_event(mizzap.bus.jetstream, catalog.PHOTO_UPLOADED, mizzap.uploaded[photo_id], event_id)
    await mizzap.handled()
    assert len(await scores_of(database, mizzap.user_id)) == 1
    async with database.begin() as session:
        told = select(OUTBOX).where(OUTBOX.c.about == f"photo/{photo_id}", OUTBOX.c.subject == "photo.scored")
        # once for the upload, once for the sweeper's event with an id of its own
        assert len((await session.execute(told)).all()) == 2


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda data: data[: len(data) // 2], "IMAGE_UNREADABLE"),
        (lambda data: b"", "IMAGE_UNREADABLE"),
        (lambda data: b"\x00\x00\x00\x18ftypmp42" + data, "MEDIA_UNSUPPORTED"),
    ],
    ids=["cut off", "empty", "video"],
)
async def test_what_is_no_photo_is_an_outcome(mizzap, database, photo, damage, code):
    photo_id = await mizzap.upload(damage(photo()))
    await mizzap.handled()

    async def told():
        return await mizzap.published(catalog.SCORE_FAILED)

    (failed,) = await testing.eventually(told)
    assert (failed.photo_id, failed.code) == (photo_id, code)
    assert failed.message and failed.began_at
    assert await scores_of(database, mizzap.user_id) == []
    assert await testing.dead_letters(mizzap.bus.jetstream) == 0


async def test_a_photo_deleted_before_it_was_scored_gets_no_score(mizzap, database, photo):
    photo_id = await mizzap.upload(photo())
    await mizzap.delete(photo_id)
    await mizzap.handled()
    # the sweeper has the upload told again
    await mizzap.storage.remove(mizzap.uploaded[photo_id].object_key)
    await mizzap.tell(catalog.PHOTO_UPLOADED, mizzap.uploaded[photo_id])
    await mizzap.handled()
    assert await scores_of(database, mizzap.user_id) == []
    assert (await mizzap.settled()).moments == []
    assert await testing.dead_letters(mizzap.bus.jetstream) == 0


async def test_a_score_is_made_again_only_when_it_is_asked_for(mizzap, database, photo):
    photo_id = await mizzap.upload(photo())
    await mizzap.handled()
    async with database.begin() as session:
        await session.execute(delete(ScoreRow).where(ScoreRow.photo_id == photo_id))
    for steps, scores in ((["thumbnail", "dedup", "metadata_extract"], 0), (["ai_score", "thumbnail"], 1)):
        requested = events.ProcessingRequested(**mizzap.uploaded[photo_id].model_dump(), steps=steps)
        await mizzap.tell(catalog.PROCESSING_REQUESTED, requested)
        await mizzap.handled()
        assert len(await scores_of(database, mizzap.user_id)) == scores
