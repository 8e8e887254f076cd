"""What the curation service does when a user leaves: hands out moments and wishes, and removes all it knows."""

from mizzap_common import testing
from mizzap_common.contracts import catalog, events, exporting, requests


async def exported(mizzap):
    pages = {}
    cursor = None
    while True:
        question = exporting.ExportPageRequest(user_id=mizzap.user_id, cursor=cursor)
        page = await mizzap.bus.ask(requests.CURATION_EXPORT, question)
        pages.setdefault(page.file, []).extend(page.items)
        if (cursor := page.next_cursor) is None:
            return pages


async def test_moments_and_wishes_are_handed_out_and_go(mizzap, photo) -> None:
    kept, removed = [await mizzap.upload(photo(hours), [1.0, hours, 0, 0]) for hours in (0.0, 5.0)]
    await mizzap.settled()
    await mizzap.change(add=[kept], remove=[removed])
    pages = await exported(mizzap)
    (shown,) = pages["moments.json"]
    assert [moment["photoId"] for moment in shown["moments"]] == [kept]
    assert [(wish["photoId"], wish["wish"]) for wish in pages["wishes.jsonl"]] == [
        (kept, "pinned"),
        (removed, "removed"),
    ]

    asked = events.UserErasureRequested(user_id=mizzap.user_id, erasure_id="e", asked=1)
    await mizzap.tell(catalog.USER_ERASURE_REQUESTED, asked)
    await mizzap.handled()
    pages = await exported(mizzap)
    assert pages["moments.json"][0]["moments"] == [] and pages["wishes.jsonl"] == []
    (receipt,) = await testing.eventually(lambda: mizzap.published(catalog.CURATION_ERASED))
    assert receipt.rows >= 5

    late = mizzap.uploaded[kept]
    await mizzap.tell(catalog.PHOTO_EMBEDDED, events.PhotoEmbedded(
        user_id=mizzap.user_id, photo_id=late.photo_id, model_id="m", dimensions=4))  # fmt: skip
    await mizzap.tell(catalog.PHOTO_UPLOADED, late)
    await mizzap.handled()
    assert (await mizzap.moments()).id is None, "nothing was begun for somebody who is gone"
