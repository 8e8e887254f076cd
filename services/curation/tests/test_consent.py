"""Scores and moments are there with the user's consent, and at no time without it."""

import asyncio
from itertools import count

import pytest
from mizzap_common import ai_consents, testing
from mizzap_common.contracts import catalog, events
from mizzap_common.errors import Conflict
from mizzap_curation.models import MomentRow, ScoreRow, SetRow
from mizzap_curation.service import Curation
from sqlalchemy import func, select

_changes = count(2)


async def say(mizzap, granted, purpose="ai", change=None):
    said = events.ConsentChanged(
        user_id=mizzap.user_id, purpose=purpose, version="1", granted=granted, change=change or next(_changes)
    )
    await mizzap.tell(catalog.CONSENT_CHANGED, said)


async def results(mizzap, database):
    """How many scores and moments of the user's there are."""
    mine = select(SetRow.id).where(SetRow.user_id == mizzap.user_id)
    async with database.begin() as session:
        scores = select(func.count()).select_from(ScoreRow).where(ScoreRow.user_id == mizzap.user_id)
        moments = select(func.count()).select_from(MomentRow).where(MomentRow.set_id.in_(mine))
        return (await session.execute(scores)).scalar_one(), (await session.execute(moments)).scalar_one()


async def test_without_consent_a_photo_is_left_out(somebody, database, photo):
    await say(somebody, True, purpose="privacy")
    photo_id = await somebody.upload(photo())
    await somebody.handled()
    [skipped] = await testing.eventually(lambda: somebody.published(catalog.SCORE_SKIPPED))
    assert (skipped.photo_id, skipped.reason) == (photo_id, "no_ai_consent") and skipped.began_at
    assert await results(somebody, database) == (0, 0)
    assert await somebody.published(catalog.PHOTO_SCORED) == []
    assert (await somebody.moments()).moments == []


async def test_agreeing_asks_for_what_was_left_out(somebody, database, photo):
    left_out = [await somebody.upload(photo(24 * day)) for day in range(2)]
    gone = await somebody.upload(photo())
    await somebody.handled()
    await somebody.delete(gone)
    await somebody.handled()
    await say(somebody, True)
    await somebody.handled()
    [allowed] = await testing.eventually(lambda: somebody.published(catalog.SCORE_ALLOWED))
    assert sorted(allowed.photo_ids) == left_out
    for photo_id in left_out:
        await somebody.tell(catalog.PHOTO_UPLOADED, somebody.uploaded[photo_id])
    shown = await somebody.settled()
    assert [moment.photo_id for moment in shown.moments] == left_out
    await say(somebody, True)
    await somebody.handled()
    assert len(await somebody.published(catalog.SCORE_ALLOWED)) == 1


async def test_withdrawing_removes_scores_and_moments(mizzap, database, photo):
    photos = [await mizzap.upload(photo(24 * day)) for day in range(3)]
    await mizzap.settled()
    await mizzap.confirm()
    await say(mizzap, False)
    await mizzap.handled()
    assert await results(mizzap, database) == (0, 0)
    assert (await mizzap.moments()).id is None
    with pytest.raises(Conflict):
        await mizzap.confirm()
    # what the user had pinned comes back with the consent
    await say(mizzap, True)
    await mizzap.handled()
    for photo_id in photos:
        await mizzap.tell(catalog.PHOTO_UPLOADED, mizzap.uploaded[photo_id])
    assert all(moment.pinned for moment in (await mizzap.settled()).moments)


async def withdrawn_while_queued(mizzap, photo, monkeypatch, photos):
    """The consent stands when each photo is begun, and is withdrawn before any score is written."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    examine = Curation._examine

    async def slow(self, uploaded):
        found = await examine(self, uploaded)
        begun.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(Curation, "_examine", slow)
    for hours in range(photos):
        await mizzap.upload(photo(hours))
    await begun.wait()
    await say(mizzap, False)

    async def withdrawal_handled():
        js, event = mizzap.bus.jetstream, catalog.CONSENT_CHANGED
        info = await js.consumer_info(event.stream, event.durable("curation"))
        return not info.num_pending and not info.num_ack_pending

    await testing.eventually(withdrawal_handled)
    go_on.set()
    await mizzap.settled()


async def test_nothing_is_written_after_a_withdrawal(mizzap, database, photo, monkeypatch):
    await withdrawn_while_queued(mizzap, photo, monkeypatch, photos=20)
    assert await results(mizzap, database) == (0, 0)
    assert await mizzap.published(catalog.PHOTO_SCORED) == []
    assert len(await mizzap.published(catalog.SCORE_SKIPPED)) == 20
    assert await mizzap.published(catalog.CURATION_READY) == []


async def test_without_the_second_look_a_score_is_written(mizzap, database, photo, monkeypatch):
    """The mutant: a worker that asks before its work alone. The test above must see it."""

    async def always(*_):
        return 1

    monkeypatch.setattr(ai_consents, "held", always)
    await withdrawn_while_queued(mizzap, photo, monkeypatch, photos=1)
    assert await results(mizzap, database) == (1, 1)


@pytest.mark.parametrize("again", [False, True], ids=["for good", "and agreed anew"])
async def test_moments_that_are_being_chosen_are_not_shown_after_a_withdrawal(mizzap, database, dedup, photo, again):
    dedup.may_answer.clear()
    await mizzap.upload(photo())
    await dedup.asked.wait()
    await say(mizzap, False)
    await testing.eventually(lambda: _is_withdrawn(mizzap, database))
    if again:
        await say(mizzap, True)
    # something else happens to the library in between: there is a set again
    await mizzap.tell(catalog.DUPLICATE_DETECTED, mizzap.pair(1, 2))
    await mizzap.handled()
    dedup.may_answer.set()
    shown = await mizzap.settled()
    assert await results(mizzap, database) == (0, 0)
    # the choice that was under way is of a set that is gone
    assert {ready.set_id for ready in await mizzap.published(catalog.CURATION_READY)} <= (
        {shown.id} if again else set()
    )


async def _is_withdrawn(mizzap, database):
    async with database.begin() as session:
        return await ai_consents.standing(session, mizzap.user_id) is None


async def test_the_first_photo_may_come_before_the_consent(somebody, database, photo):
    """The two take different ways: without some patience a new user's first photos would be left out."""
    await somebody.upload(photo())
    await testing.told_ai_consent(database, somebody.user_id)
    await somebody.handled()
    assert (await results(somebody, database))[0] == 1
    assert await somebody.published(catalog.SCORE_SKIPPED) == []


async def test_agreeing_while_a_photo_is_left_out_scores_it(somebody, database, photo, monkeypatch):
    """The consent comes between the first look and the last: nobody would ever ask for the photo again."""
    may_score = Curation._may_score
    looked = []

    async def not_yet(self, user_id, delivery):
        found = await may_score(self, user_id, delivery)
        if not looked:
            looked.append(found)
            await testing.told_ai_consent(database, user_id, change=next(_changes))
        return found

    monkeypatch.setattr(Curation, "_may_score", not_yet)
    await somebody.upload(photo())
    await somebody.handled()
    assert looked == [False] and (await results(somebody, database))[0] == 1
