"""What the photos service does when a user leaves: hands out everything, and removes everything."""

import asyncio
from pathlib import Path

import pytest
from mizzap_common.contracts import catalog, events, exporting, keeping, requests
from mizzap_common.errors import Unauthorized
from mizzap_common.testing import all_handled, dead_letters, published

from services.photos.tests.worlds import USER, World, jpeg

OTHER = USER + 1


async def erase(world: World, asked: int = 1) -> events.ErasureReceipt:
    request = events.UserErasureRequested(user_id=USER, erasure_id="e", asked=asked)
    await world.tell(catalog.USER_ERASURE_REQUESTED, request)
    return (await world.told(catalog.PHOTOS_ERASED, asked))[-1]


async def unfinished(world: World) -> int:
    client, prefix = world.storage.client, f"user-{USER}/"
    return len((await asyncio.to_thread(client._list_multipart_uploads, world.storage.bucket, prefix=prefix)).uploads)


async def test_originals_uploads_and_exports_go_and_those_of_others_stay(world: World) -> None:
    await world.upload(jpeg(1))
    await world.upload(jpeg(1), "twin.jpg")
    other = await world.upload(jpeg(1), user_id=OTHER)
    for key in ("incoming/1", "exports/1.1.zip", "kinds-to-come/1", "thumbnails/1/200.jpg"):
        await world.storage.put(f"user-{USER}/{key}", b"x", "image/jpeg")
    # a neighbour whose number begins alike
    await world.storage.put(f"user-{USER}0/originals/x", b"x", "image/jpeg")
    client, bucket = world.storage.client, world.storage.bucket
    await asyncio.to_thread(client._create_multipart_upload, bucket, f"user-{USER}/originals/half", {})
    assert await unfinished(world) == 1
    await all_handled(world.bus.jetstream, "photos")

    receipt = await erase(world)

    assert receipt.objects == 4 and receipt.rows >= 2 * 5
    assert [found.key for found in await world.storage.list(f"user-{USER}/")] == [f"user-{USER}/thumbnails/1/200.jpg"]
    assert await unfinished(world) == 0
    assert len(await world.storage.list(f"user-{USER}0/")) == 1
    theirs = exporting.ExportPageRequest(user_id=OTHER)
    assert [item["id"] for item in (await world.bus.ask(requests.PHOTOS_EXPORT, theirs)).items] == [other.photo.id]
    mine = exporting.ExportPageRequest(user_id=USER)
    assert (await world.bus.ask(requests.PHOTOS_EXPORT, mine)).items == []


async def test_an_upload_that_comes_too_late_is_refused_and_its_bytes_go(world: World) -> None:
    await erase(world)
    with pytest.raises(Unauthorized) as refused:
        await world.upload(jpeg(2))
    assert refused.value.code == "ACCOUNT_DELETED"
    assert (await erase(world, asked=2)).objects == 1
    assert await world.storage.list(f"user-{USER}/originals/") == []


async def test_what_is_still_said_of_the_photos_changes_nothing(world: World) -> None:
    photo = (await world.upload(jpeg(3))).photo
    await all_handled(world.bus.jetstream, "photos")
    await erase(world)
    await world.finish_steps(photo.id)
    await all_handled(world.bus.jetstream, "photos")
    assert await published(world.bus.jetstream, catalog.PHOTO_PROCESSED) == []
    assert await dead_letters(world.bus.jetstream) == 0


async def test_every_photo_is_handed_out_once_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [(await world.upload(jpeg(4), f"{number}{'x' * 200}.jpg")).photo for number in range(5)]
    await world.upload(jpeg(4), user_id=OTHER)
    monkeypatch.setattr(exporting, "PAGE_BYTES", 2000)
    items, pages, cursor = [], 0, None
    while True:
        question = exporting.ExportPageRequest(user_id=USER, cursor=cursor)
        page = await world.bus.ask(requests.PHOTOS_EXPORT, question)
        items, pages, cursor = [*items, *page.items], pages + 1, page.next_cursor
        assert page.file == "photos.jsonl" and len(page.to_json()) < 2500
        if cursor is None:
            break
    assert [item["id"] for item in items] == [photo.id for photo in made] and pages > 2
    assert items[0]["sha256"] == made[0].sha256 and items[0]["fileName"] == made[0].file_name
    assert Path(items[0]["thumbnailUrl"]).name == "thumbnail"


async def test_favourites_and_the_trash_are_in_an_export(world: World) -> None:
    favourite, trashed = await world.upload(jpeg(1)), await world.upload(jpeg(2))
    mark = keeping.SetFavourite(user_id=USER, photo_id=favourite.photo.id, favourite=True)
    await world.bus.ask(requests.PHOTOS_FAVOURITE, mark)
    await world.bus.ask(requests.PHOTOS_DELETE, keeping.DeletePhoto(user_id=USER, photo_id=trashed.photo.id))
    page = await world.bus.ask(requests.PHOTOS_EXPORT, exporting.ExportPageRequest(user_id=USER))
    assert [(item["isFavourite"], item["trashedAt"] is not None) for item in page.items] == [
        (True, False),
        (False, True),
    ]
