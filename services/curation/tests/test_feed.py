"""The change feed of the moments, and of orders."""

from datetime import UTC, datetime

from mizzap_common import changes as changes_of
from mizzap_common.contracts import catalog, events, feed, requests
from mizzap_common.db import Database
from mizzap_curation import orders_repository
from mizzap_curation.feed import Feed

from services.curation.tests.shops import Shop


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


async def test_the_feed_tells_what_becomes_of_orders(shop: Shop) -> None:
    told = Feed(shop.database)
    seen = 0

    async def news() -> list[tuple[str, int, str, list[int]]]:
        nonlocal seen
        page = await told.changes(feed.ChangesRequest(user_id=shop.user, after=seen))
        seen = page.last
        assert not page.more and all(change.kind == "order" and change.data for change in page.changes)
        return [(c.change, c.id, c.data["status"], c.data["photoIds"]) for c in page.changes if c.data]

    first, second = await shop.place(), await shop.place()
    assert await news() == [("created", order.id, "placed", shop.photos) for order in (first, second)]
    await shop.work()
    assert await news() == [("changed", order.id, "sent", shop.photos) for order in (first, second)]
    await shop.call_back(first.id, "delivered")
    await shop.call_back(first.id, "accepted")
    assert await news() == [("changed", first.id, "delivered", shop.photos)]
    await shop.cancel(second.id)
    assert await news() == [("changed", second.id, "cancelled", shop.photos)]
    async with shop.database.begin() as session:
        await orders_repository.forget_photo(session, shop.user, shop.photos[0])
    assert sorted(await news()) == [
        ("changed", order.id, status, shop.photos[1:])
        for order, status in ((first, "delivered"), (second, "cancelled"))
    ]
    assert await news() == []


async def test_a_page_of_large_orders_fits_into_an_answer(shop: Shop, database: Database) -> None:
    async with database.begin() as session:
        for _ in range(150):
            values = {
                "user_id": shop.user, "partner": "photall", "status": "placed", "wishes": {"instructions": "é" * 5_000},
                "consent_version": "1", "links_expire_at": datetime.now(UTC),
            }  # fmt: skip
            row = await orders_repository.add(session, values, shop.photos)
            changes_of.note(session, shop.user, "order", row.id)
    seen, after, pages = set(), 0, 0
    while True:
        page = await Feed(database).changes(feed.ChangesRequest(user_id=shop.user, after=after, limit=200))
        assert len(page.to_json()) < 1024 * 1024
        seen |= {change.id for change in page.changes}
        after, pages = page.last, pages + 1
        if not page.more:
            break
    assert len(seen) == 150 and pages > 1
