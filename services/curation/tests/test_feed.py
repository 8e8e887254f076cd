"""The change feed of the moments."""

from mizzap_common.contracts import catalog, events, feed, requests


async def changes(mizzap, after: int = 0) -> list[feed.Change]:
    question = feed.ChangesRequest(user_id=mizzap.user_id, after=after)
    return (await mizzap.bus.ask(requests.CURATION_CHANGES, question)).changes


async def test_the_feed_tells_when_the_set_is_another_one(mizzap, photo) -> None:
    first = await mizzap.upload(photo(0))
    chosen = await mizzap.settled()
    (change,) = await changes(mizzap)
    assert (change.kind, change.id, change.change) == ("moments", chosen.id, "created")
    assert change.data is not None and [moment["photoId"] for moment in change.data["moments"]] == [first]

    second = await mizzap.upload(photo(5))
    await mizzap.settled()
    (grown,) = await changes(mizzap, change.seq)
    assert grown.change == "changed" and len(grown.data["moments"]) == 2

    await mizzap.confirm()
    (confirmed,) = await changes(mizzap, grown.seq)
    assert confirmed.data["status"] == "confirmed"
    # nothing chooses a confirmed set anew, but the photo is gone from it
    await mizzap.delete(second)
    await mizzap.handled()
    (smaller,) = await changes(mizzap, confirmed.seq)
    assert [moment["photoId"] for moment in smaller.data["moments"]] == [first]
    await mizzap.change(remove=[first])
    assert len(await changes(mizzap, smaller.seq)) == 1


async def test_the_feed_follows_trash_failures_and_consent(mizzap, photo) -> None:
    about = {"user_id": mizzap.user_id, "photo_id": await mizzap.upload(photo(0))}
    other = await mizzap.upload(photo(5))
    await mizzap.settled()
    confirmed = await mizzap.confirm()
    (change,) = await changes(mizzap)
    steps = [
        (catalog.PHOTO_TRASHED, events.PhotoTrashed(**about, version=1), [other]),
        (catalog.PHOTO_RESTORED, events.PhotoRestored(**about, version=2), [about["photo_id"], other]),
        (catalog.PHOTO_FAILED, events.PhotoFailed(**about, version=1, code="X", message="x"), [other]),
        (catalog.PHOTO_PROCESSED, events.PhotoProcessed(**about, version=2), [about["photo_id"], other]),
    ]
    for event, payload, shown in steps:
        await mizzap.tell(event, payload)
        await mizzap.handled()
        (change,) = await changes(mizzap, change.seq)
        assert sorted(moment["photoId"] for moment in change.data["moments"]) == sorted(shown)
    withdrawn = events.ConsentChanged(user_id=mizzap.user_id, purpose="ai", version="1", granted=False, change=10**9)
    await mizzap.tell(catalog.CONSENT_CHANGED, withdrawn)
    await mizzap.handled()
    (gone,) = await changes(mizzap, change.seq)
    assert (gone.change, gone.id, gone.data) == ("deleted", confirmed.id, None)


async def test_a_choice_that_comes_to_the_same_is_no_change(mizzap, photo) -> None:
    only = await mizzap.upload(photo(0))
    await mizzap.settled()
    (change,) = await changes(mizzap)
    again = events.PhotoProcessed(user_id=mizzap.user_id, photo_id=only)
    await mizzap.tell(catalog.PHOTO_PROCESSED, again)
    await mizzap.settled()
    assert await changes(mizzap, change.seq) == []
