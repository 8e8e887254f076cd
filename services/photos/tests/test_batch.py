"""Actions on many photos: all or nothing, a result for each, and nobody else's photo ever."""

import pytest
from mizzap_common.contracts import catalog, keeping, library, requests
from mizzap_common.errors import InvalidInput, NotFound
from mizzap_common.testing import all_handled, published

from services.photos.tests.worlds import USER, World, jpeg


async def act(world: World, action: str, photo_ids: list[int], user_id: int = USER) -> dict[int, str]:
    request = keeping.BatchAction(user_id=user_id, action=action, photo_ids=photo_ids)  # type: ignore[arg-type]
    answer = await world.bus.ask(requests.PHOTOS_BATCH, request)
    return {item.photo_id: item.result for item in answer.results}


async def uploaded(world: World, count: int, user_id: int = USER) -> list[int]:
    return [(await world.upload(jpeg(1), f"{number}.jpg", user_id)).photo.id for number in range(count)]


async def listed(world: World) -> set[int]:
    page = await world.bus.ask(requests.PHOTOS_LIST, library.ListPhotos(user_id=USER))
    return {photo.id for photo in page.photos}


async def test_each_photo_has_its_result(world: World) -> None:
    a, b, c = await uploaded(world, 3)
    assert await act(world, "delete", [b, a, b]) == {b: "changed", a: "changed"}
    assert await act(world, "delete", [a, c]) == {a: "unchanged", c: "changed"}
    assert await listed(world) == set()
    assert await act(world, "restore", [a, b]) == {a: "changed", b: "changed"}
    assert await act(world, "restore", [a]) == {a: "unchanged"}
    assert await listed(world) == {a, b}
    assert await act(world, "favourite", [a]) == {a: "changed"}
    assert await act(world, "favourite", [a, b]) == {a: "unchanged", b: "changed"}
    assert await act(world, "unfavourite", [b]) == {b: "changed"}
    assert [(await world.photo(number)).is_favourite for number in (a, b)] == [True, False]
    assert await act(world, "delete_permanently", [a, c]) == {a: "changed", c: "changed"}
    assert await listed(world) == {b}
    assert {gone.photo_id for gone in await world.told(catalog.PHOTO_DELETED, 2)} == {a, c}
    assert [told.photo_id for told in await world.told(catalog.PHOTO_CHANGED, 3)] == [a, b, b]


@pytest.mark.parametrize("action", ["delete", "restore", "favourite", "unfavourite", "delete_permanently"])
async def test_one_that_is_not_mine_stops_all_and_nothing_changes(world: World, action: str) -> None:
    mine = await uploaded(world, 2)
    (foreign,) = await uploaded(world, 1, USER + 1)
    await world.told(catalog.PHOTO_UPLOADED, 3)
    await all_handled(world.bus.jetstream, "photos")
    before = [await world.photo(number) for number in mine]
    answers = []
    for number in (foreign, 10**9):
        with pytest.raises(NotFound) as caught:
            await act(world, action, [mine[0], number, mine[1]])
        assert caught.value.details == {"photoIds": [number]}
        answers.append((caught.value.code, caught.value.message.replace(str(number), "N")))
    assert answers[0] == answers[1]
    assert [await world.photo(number) for number in mine] == before
    for event in (catalog.PHOTO_TRASHED, catalog.PHOTO_DELETED, catalog.PHOTO_CHANGED, catalog.PHOTO_RESTORED):
        assert await published(world.bus.jetstream, event) == []


async def test_what_is_in_the_trash_can_not_become_a_favourite(world: World) -> None:
    a, b = await uploaded(world, 2)
    await act(world, "delete", [b])
    with pytest.raises(NotFound):
        await act(world, "favourite", [a, b])
    assert (await world.photo(a)).is_favourite is False


async def test_a_favourite_is_told_once(world: World) -> None:
    (photo_id,) = await uploaded(world, 1)
    for favourite in (True, True, False):
        request = keeping.SetFavourite(user_id=USER, photo_id=photo_id, favourite=favourite)
        assert (await world.bus.ask(requests.PHOTOS_FAVOURITE, request)).is_favourite is favourite
    assert len(await world.told(catalog.PHOTO_CHANGED, 2)) == 2
    answers = []
    for number in (photo_id, 10**9):
        with pytest.raises(NotFound) as caught:
            request = keeping.SetFavourite(user_id=USER + 1, photo_id=number, favourite=True)
            await world.bus.ask(requests.PHOTOS_FAVOURITE, request)
        answers.append((caught.value.code, caught.value.message))
    assert answers[0] == answers[1]


async def test_five_hundred_at_once_and_no_more(world: World) -> None:
    first = (await world.upload(jpeg(1), "0.jpg")).photo
    ids = [first.id]
    for number in range(1, 500):
        adopt = library.AdoptPhoto(user_id=USER, file_name=f"{number}.jpg", sha256=first.sha256)
        ids.append((await world.bus.ask(requests.PHOTOS_ADOPT, adopt)).photo.id)
    for action in ("delete", "restore", "favourite", "delete_permanently"):
        assert set((await act(world, action, ids)).values()) == {"changed"}
    assert await listed(world) == set()
    with pytest.raises(InvalidInput):
        await world.bus.ask(
            requests.PHOTOS_BATCH,
            keeping.BatchAction.model_construct(user_id=USER, action="delete", photo_ids=list(range(1, 502))),
        )
