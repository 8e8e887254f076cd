"""Photos in the trash, in albums that several people see and order."""

import pytest
from mizzap_albums import album_photos, contents
from mizzap_albums.models import AlbumPhotoRow
from mizzap_common import testing
from mizzap_common.contracts import catalog
from mizzap_common.errors import Conflict, NotFound
from sqlalchemy import delete
from sqlmodel import col


async def seen_by(client, album):
    """The same by all ways there are to it."""
    now = await client.get(album.id)
    page = await client.photos(album.id)
    [listed] = [found for found in (await client.list()).albums if found.id == album.id]
    assert [place.photo_id for place in page.photos] == now.photo_ids
    assert now.photo_count == listed.photo_count == page.total == len(now.photo_ids)
    assert now.cover_photo_id == listed.cover_photo_id
    return now.photo_ids, now.cover_photo_id


@pytest.mark.parametrize("whose", ["owner", "member"])
async def test_it_is_gone_for_all_who_see_the_album_and_comes_back_to_its_place(bus, shared, whose):
    album, both = shared.album, (shared.owner, shared.member)
    trasher = getattr(shared, whose)
    gone, kept = (shared.theirs, shared.own) if whose == "owner" else (shared.own, shared.theirs)
    heard = {client.user_id: (await client.changes()).last for client in both}

    await trasher.trash(gone)
    for client in both:
        assert await seen_by(client, album) == ([kept], kept)
        for refused in (client.locate(album.id, gone), client.remove(album.id, gone)):
            with pytest.raises(NotFound):
                await refused
        [change] = (await client.changes(heard[client.user_id])).changes
        assert (change.id, change.change) == (album.id, "changed")
        assert change.data is not None and (change.data["photoCount"], change.data["coverPhotoId"]) == (1, kept)
    assert (await shared.owner.get(album.id)).version == album.version + 1

    await trasher.restore(gone)
    for client in both:
        assert await seen_by(client, album) == ([shared.theirs, shared.own], shared.own)
        assert (await client.locate(album.id, gone)).owner_id == trasher.user_id

    async def told():
        updates = await testing.published(bus.jetstream, catalog.ALBUM_UPDATED)
        mine = [update for update in updates if update.album_id == album.id][-2:]
        return [update.change for update in mine] == ["photos_removed", "photos_added"] and all(
            update.watchers == {client.user_id for client in both} for update in mine
        )

    await testing.eventually(told)


async def test_who_leaves_takes_what_is_in_the_trash_along_too(shared):
    version = (await shared.owner.get(shared.album.id)).version
    await shared.member.trash(shared.own)
    await shared.family.tell(shared.family.leaving(shared.member))
    await shared.member.restore(shared.own)
    assert await seen_by(shared.owner, shared.album) == ([shared.theirs], shared.theirs)
    assert (await shared.owner.get(shared.album.id)).version == version + 2, "its return is no change of the album"


async def test_a_cover_that_is_not_in_the_album_any_more_is_none(shared, database):
    """As when its owner's account is erased, whose rows just go."""
    assert await seen_by(shared.owner, shared.album) == ([shared.theirs, shared.own], shared.own)
    async with database.begin() as session:
        mine = col(AlbumPhotoRow.owner_id) == shared.member.user_id
        await session.execute(delete(AlbumPhotoRow).where(mine))
    assert await seen_by(shared.owner, shared.album) == ([shared.theirs], shared.theirs)


async def filled(user, photos, number):
    album = await user.create()
    mine = photos.make(user.user_id, number)
    await user.add(album.id, mine)
    return album, mine


async def test_moves_among_the_others_leave_it_its_place(user, photos):
    album, (one, two, three, four) = await filled(user, photos, 4)
    await user.trash(two)
    before = (await user.get(album.id)).version

    # seen right behind each other, with the trashed one between
    await user.order(album.id, (three, one))
    assert (await user.get(album.id)).version == before
    await user.order(album.id, (four, one))
    assert (await user.get(album.id)).photo_ids == [one, four, three]
    with pytest.raises(NotFound):
        await user.order(album.id, (one, two))

    await user.restore(two)
    assert (await user.get(album.id)).photo_ids == [one, four, two, three]


async def test_a_whole_order_names_what_is_shown_and_leaves_it_its_place(user, photos):
    album, (one, two, three, four) = await filled(user, photos, 4)
    await user.trash(two)
    with pytest.raises(Conflict) as refusal:
        await user.order(album.id, photo_ids=[four, three, two, one])
    assert (refusal.value.code, refusal.value.details) == ("ORDER_INCOMPLETE", {"photoCount": 3})

    await user.order(album.id, photo_ids=[four, three, one])
    assert (await user.get(album.id)).photo_ids == [four, three, one]
    await user.restore(two)
    assert (await user.get(album.id)).photo_ids == [four, two, three, one]


async def test_its_place_is_taken(user, photos, monkeypatch):
    """Else an album could come to hold more than fit, by trashing, adding and restoring."""
    monkeypatch.setattr(contents, "MAX_PHOTOS", 3)
    album, mine = await filled(user, photos, 3)
    await user.trash(mine[0])
    (more,) = photos.make(user.user_id, 1)
    with pytest.raises(Conflict) as refusal:
        await user.add(album.id, [more])
    assert refusal.value.code == "ALBUM_FULL"


async def test_with_places_of_shown_photos_alone_a_move_would_lose_it(user, photos, monkeypatch):
    """The mutant: what is in the trash is not looked at when a place is sought. The check above must see it."""
    around = album_photos._around

    async def of_all(session, album_id, photo_id, after, *_):
        return await around(session, album_id, photo_id, after)

    monkeypatch.setattr(album_photos, "_around", of_all)
    album, (one, two, three) = await filled(user, photos, 3)
    await user.trash(two)
    before = (await user.get(album.id)).version
    await user.order(album.id, (three, one))
    assert (await user.get(album.id)).version != before
