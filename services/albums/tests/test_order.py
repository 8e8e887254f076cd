"""The order of an album's photos, for albums of any size."""

import asyncio
import random
import time

import pytest
from mizzap_albums import album_photos
from mizzap_common.contracts import albums
from mizzap_common.errors import Conflict, NotFound
from pydantic import ValidationError


async def order_of(user, album):
    return (await user.get(album.id)).photo_ids


async def filled(user, photos, number):
    album = await user.create()
    mine = photos.make(user.user_id, number)
    for start in range(0, number, 500):
        await user.add(album.id, mine[start : start + 500])
    return await user.update(album.id), mine


async def test_moves_are_done_one_after_the_other(user, photos):
    album, (one, two, three, four) = await filled(user, photos, 4)

    moved = await user.order(album.id, (four, None), (one, three))
    assert await order_of(user, album) == [four, two, three, one]
    assert moved.version == album.version + 1 and moved.cover_photo_id == four

    await user.order(album.id, (four, one))
    assert await order_of(user, album) == [two, three, one, four]


async def test_a_move_to_where_it_stands_is_no_change(user, photos):
    album, (one, two, three) = await filled(user, photos, 3)
    same = await user.order(album.id, (one, None), (two, one), (three, two))
    assert same == album


async def test_moves_name_photos_of_the_album(user, photos):
    album, (one, _two) = await filled(user, photos, 2)
    (outside,) = photos.make(user.user_id, 1)
    for moves in ([(outside, None)], [(one, outside)], [(one, None), (outside, one)]):
        with pytest.raises(NotFound) as refusal:
            await user.order(album.id, *moves)
        assert refusal.value.details == {"photoId": outside}


async def test_any_number_of_moves_to_one_place_are_as_a_list_s(user, photos, monkeypatch):
    """With little room between the positions they are given anew again and again."""
    monkeypatch.setattr(album_photos, "GAP", 4)
    album, mine = await filled(user, photos, 8)
    chance, model = random.Random(11), list(mine)
    for _ in range(60):
        photo = chance.choice(model)
        after = chance.choice([None, *(other for other in model if other != photo)])
        model.remove(photo)
        model.insert(0 if after is None else model.index(after) + 1, photo)
        await user.order(album.id, (photo, after))
        assert await order_of(user, album) == model


async def test_a_whole_order(user, photos):
    album, mine = await filled(user, photos, 6)
    turned = await user.order(album.id, photo_ids=mine[::-1])
    assert await order_of(user, album) == mine[::-1]
    assert turned.version == album.version + 1
    assert await user.order(album.id, photo_ids=mine[::-1]) == turned


async def test_a_whole_order_names_every_photo_once(user, photos):
    album, mine = await filled(user, photos, 3)
    (outside,) = photos.make(user.user_id, 1)
    for wrong in (mine[:2], [*mine, outside], [*mine, mine[0]], [*mine[:2], outside], []):
        with pytest.raises(Conflict) as refusal:
            await user.order(album.id, photo_ids=wrong)
        assert refusal.value.code == "ORDER_INCOMPLETE"
    assert await order_of(user, album) == mine


@pytest.mark.parametrize("values", [{}, {"moves": []}, {"photo_ids": [1], "moves": [{"photoId": 1, "after": None}]}])
def test_either_moves_or_a_whole_order(user, values):
    with pytest.raises(ValidationError):
        albums.OrderAlbum(user_id=1, album_id=1, **values)


async def test_adding_to_a_reordered_album_is_at_its_end(user, photos):
    album, (one, two) = await filled(user, photos, 2)
    await user.order(album.id, (two, None))
    (three,) = photos.make(user.user_id, 1)
    await user.add(album.id, [three])
    assert await order_of(user, album) == [two, one, three]


async def test_moving_and_adding_at_once_loses_nothing(user, photos):
    album, mine = await filled(user, photos, 10)
    more = photos.make(user.user_id, 10)
    moves = [user.order(album.id, (photo, None)) for photo in mine[1:]]
    adds = [user.add(album.id, [photo]) for photo in more]
    await asyncio.gather(*moves, *adds)
    got = await order_of(user, album)
    assert sorted(got) == sorted(mine + more)
    assert sorted(got[:9]) == mine[1:]


async def test_a_move_in_the_largest_album_is_quick(user, photos):
    album, mine = await filled(user, photos, 20_000)
    start = time.perf_counter()
    await user.order(album.id, (mine[-1], mine[0]))
    seconds = time.perf_counter() - start
    page = await user.photos(album.id, page=1, limit=3)
    assert [photo.photo_id for photo in page.photos] == [mine[0], mine[-1], mine[1]]
    assert (await user.photos(album.id, page=200, limit=100)).photos[-1].photo_id == mine[-2]
    assert page.total == 20_000
    print(f"a move among 20,000: {seconds * 1000:.0f} ms")
    assert seconds < 2


async def test_pages_are_in_order(user, photos):
    album, mine = await filled(user, photos, 5)
    first, last = await user.photos(album.id, page=1, limit=3), await user.photos(album.id, page=2, limit=3)
    assert [photo.photo_id for photo in first.photos + last.photos] == mine
    assert (first.total, {photo.owner_id for photo in first.photos}) == (5, {user.user_id})
    assert (await user.photos(album.id, page=3, limit=3)).photos == []
