"""Two devices of one user: whoever changes what the other has changed meanwhile is told so."""

import asyncio

import pytest
from mizzap_common.errors import PreconditionFailed


async def test_a_stale_version_is_refused_and_nothing_changes(user, photos):
    album = await user.create("Summer")
    mine = photos.make(user.user_id, 2)
    old = album.etag
    await user.add(album.id, mine)
    now = await user.get(album.id)

    for change in (
        lambda tag: user.update(album.id, name="Winter", if_match=tag),
        lambda tag: user.order(album.id, (mine[1], None), if_match=tag),
        lambda tag: user.delete(album.id, if_match=tag),
    ):
        with pytest.raises(PreconditionFailed) as refusal:
            await change(old)
        assert (refusal.value.code, refusal.value.details) == ("VERSION_CONFLICT", {"version": now.version})
    assert await user.get(album.id) == now

    renamed = await user.update(album.id, name="Winter", if_match=now.etag)
    assert renamed.version == now.version + 1
    ordered = await user.order(album.id, (mine[1], None), if_match=f'"other", {renamed.etag}')
    await user.update(album.id, name="Spring", if_match="*")
    with pytest.raises(PreconditionFailed):
        await user.delete(album.id, if_match=ordered.etag)
    await user.delete(album.id, if_match=(await user.get(album.id)).etag)


@pytest.mark.parametrize("tag", ['W/"1-owner"', "1-owner", '"1"', '"1-viewer"', '""', "", "nonsense"])
async def test_only_the_very_tag_matches(user, tag):
    album = await user.create()
    assert album.etag == '"1-owner"'
    with pytest.raises(PreconditionFailed):
        await user.update(album.id, name="Winter", if_match=tag)


async def test_of_many_at_once_one_wins(user):
    album = await user.create()
    names = [f"Name {number}" for number in range(8)]
    updates = (user.update(album.id, name=name, if_match=album.etag) for name in names)
    outcomes = await asyncio.gather(*updates, return_exceptions=True)
    won = [outcome.name for outcome in outcomes if not isinstance(outcome, PreconditionFailed)]
    assert len(won) == 1
    now = await user.get(album.id)
    assert (now.name, now.version) == (won[0], album.version + 1)


async def test_every_change_raises_the_version(user, photos):
    album = await user.create()
    one, two = photos.make(user.user_id, 2)
    changes = (
        user.update(album.id, name="Winter"),
        user.add(album.id, [one, two]),
        user.order(album.id, (two, None)),
        user.update(album.id, cover_photo_id=one),
        user.remove(album.id, one),
        user.remove_many(album.id, [two]),
    )
    assert [(await change).version for change in changes] == list(range(album.version + 1, album.version + 7))


async def test_a_cover_can_be_left_to_the_first_photo_again(user, photos):
    album = await user.create()
    one, two = photos.make(user.user_id, 2)
    await user.add(album.id, [one, two])
    assert (await user.update(album.id, cover_photo_id=two)).cover_photo_id == two
    cleared = await user.update(album.id, clear_cover=True)
    assert cleared.cover_photo_id == one
    assert await user.update(album.id, clear_cover=True) == cleared


async def test_many_are_removed_at_once_as_cover_too(user, photos):
    album = await user.create()
    mine = photos.make(user.user_id, 5)
    await user.add(album.id, mine)
    await user.update(album.id, cover_photo_id=mine[3])
    left = await user.remove_many(album.id, [mine[3], mine[0], mine[0] + 10**9, mine[3]])
    assert (left.photo_count, left.cover_photo_id) == (3, mine[1])
    assert (await user.get(album.id)).photo_ids == [mine[1], mine[2], mine[4]]
    assert await user.remove_many(album.id, [mine[3]]) == left
