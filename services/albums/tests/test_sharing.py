"""Who may do what with a shared album, for every role and every operation; and that strangers learn nothing."""

import pytest
from mizzap_albums.models import AlbumPhotoRow, AlbumRow, SharedAlbumRow
from mizzap_common import testing
from mizzap_common.contracts import catalog
from mizzap_common.errors import Forbidden, NotFound
from sqlalchemy import select

OPERATIONS = {
    "get": lambda who, album, own, others: who.get(album),
    "photos": lambda who, album, own, others: who.photos(album),
    "locate": lambda who, album, own, others: who.locate(album, others),
    "add": lambda who, album, own, others: who.add(album, [own]),
    "remove an own photo": lambda who, album, own, others: who.remove(album, own),
    "remove own photos": lambda who, album, own, others: who.remove_many(album, [own]),
    "remove others' photo": lambda who, album, own, others: who.remove(album, others),
    "remove others' photos": lambda who, album, own, others: who.remove_many(album, [own, others]),
    "order": lambda who, album, own, others: who.order(album, (others, None)),
    "order all": lambda who, album, own, others: who.order(album, photo_ids=[others]),
    "rename": lambda who, album, own, others: who.update(album, name="Mine now"),
    "cover": lambda who, album, own, others: who.update(album, cover_photo_id=others),
    "delete": lambda who, album, own, others: who.delete(album),
    "share": lambda who, album, own, others: who.share(album, who.family),
    "shares": lambda who, album, own, others: who.shares(album),
    "unshare": lambda who, album, own, others: who.unshare(album, who.family),
}
_LOOKS = {"get", "photos", "locate"}
_OWN = {"add", "remove an own photo", "remove own photos"}
MAY = {
    "owner": set(OPERATIONS),
    "member": _LOOKS | _OWN,
    # one who has become a viewer withdraws what they had added as a member
    "viewer": _LOOKS | (_OWN - {"add"}),
    "head of the family": _LOOKS | _OWN,
    "stranger": set(),
    "member of another family": set(),
    "former member": set(),
    "member while it is hidden": set(),
}


async def scene(role, make_user, make_family, photos):
    """A shared album with a photo of its owner's, and somebody who is ``role``, with a photo in it where possible."""
    owner, who, family = make_user(), make_user(), make_family()
    who.family = family.id
    (theirs,), (own,) = photos.make(owner.user_id, 1), photos.make(who.user_id, 1)
    album = (await owner.create()).id
    await owner.add(album, [theirs])
    await family.tell(family.joining(owner, "owner"), family.joining(make_user()))
    await owner.share(album, family.id)
    if role == "owner":
        owner.family = family.id
        return owner, album, theirs, theirs
    if role not in ("stranger", "member of another family"):
        await family.tell(family.joining(who, "member"))
        await who.add(album, [own])
    if role == "viewer":
        await family.tell(family.becoming(who, "viewer"))
    elif role == "head of the family":
        await family.tell(family.becoming(who, "owner"))
    elif role == "member of another family":
        other = make_family()
        await other.tell(other.joining(who, "owner"))
    elif role == "former member":
        await family.tell(family.leaving(who))
    elif role == "member while it is hidden":
        await owner.share(album, family.id, visibility="private")
    return who, album, own, theirs


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("role", MAY)
async def test_each_role_may_do_its_own_and_nothing_else(role, operation, make_user, make_family, photos, database):
    who, album, own, others = await scene(role, make_user, make_family, photos)
    before = await state(database, album)

    if operation in MAY[role]:
        await OPERATIONS[operation](who, album, own, others)
        return
    kind = Forbidden if MAY[role] else NotFound
    with pytest.raises(kind) as refusal:
        await OPERATIONS[operation](who, album, own, others)
    assert type(refusal.value) is kind
    assert await state(database, album) == before
    if kind is NotFound:
        with pytest.raises(NotFound) as of_none:
            await OPERATIONS[operation](who, album + 10**6, own, others)
        assert told(refusal) == told(of_none)


def told(refusal):
    return refusal.value.code, refusal.value.message, refusal.value.details


async def state(database, album):
    """What is in the database, whoever may see it."""
    async with database.begin() as session:
        placed = select(AlbumPhotoRow.photo_id, AlbumPhotoRow.position).where(AlbumPhotoRow.album_id == album)
        rows = (await session.execute(placed.order_by(AlbumPhotoRow.position))).all()
        shares = select(SharedAlbumRow.family_id, SharedAlbumRow.visibility).where(SharedAlbumRow.album_id == album)
        rows += (await session.execute(shares)).all()
        rows += (await session.execute(select(AlbumRow.name, AlbumRow.version).where(AlbumRow.id == album))).all()
    return [tuple(row) for row in rows]


async def test_lists_show_own_and_shared_albums(make_user, make_family, photos):
    owner, member, viewer = make_user(), make_user(), make_user()
    family = make_family()
    await family.tell(family.joining(owner), family.joining(member), family.joining(viewer, "viewer"))
    alone, shared, hidden = [await owner.create(name) for name in ("alone", "shared", "hidden")]
    theirs = await member.create("theirs")
    await owner.share(shared.id, family.id)
    await owner.share(hidden.id, family.id, visibility="private")

    def shown(page):
        return [(album.name, album.role, album.owner_id, album.visibility) for album in page.albums], page.total

    own = ("theirs", "owner", member.user_id, "private")
    seen = ("shared", "member", owner.user_id, "shared")
    assert shown(await member.list()) == ([own, seen], 2)
    assert shown(await member.list(shared=True)) == ([seen], 1)
    assert shown(await member.list(shared=False)) == ([own], 1)
    assert [album.role for album in (await viewer.list()).albums] == ["viewer"]
    assert [album.id for album in (await owner.list(shared=True)).albums] == [shared.id]
    assert {album.id for album in (await owner.list(shared=False)).albums} == {alone.id, hidden.id}
    assert (await member.get(theirs.id)).role == "owner"


async def test_only_with_a_family_the_owner_is_in(make_user, make_family):
    owner, stranger = make_user(), make_user()
    mine, others = make_family(), make_family()
    await mine.tell(mine.joining(owner, "viewer"))
    await others.tell(others.joining(stranger))
    album = await owner.create()

    refusals = []
    for family_id in (others.id, others.id + 10**6):
        with pytest.raises(NotFound) as refusal:
            await owner.share(album.id, family_id)
        assert refusal.value.details == {"familyId": family_id}
        refusals.append((refusal.value.code, refusal.value.message))
    assert refusals[0] == refusals[1]

    first = await owner.share(album.id, mine.id)
    again = await owner.share(album.id, mine.id, visibility="private", originals=True)
    assert (first.created, again.created) == (True, False)
    (share,) = await owner.shares(album.id)
    assert (share.family_id, share.visibility, share.originals) == (mine.id, "private", True)
    await owner.unshare(album.id, mine.id)
    with pytest.raises(NotFound):
        await owner.unshare(album.id, mine.id)
    assert await owner.shares(album.id) == []


async def test_the_album_says_whether_others_see_it(make_user, make_family):
    owner = make_user()
    one, two = make_family(), make_family()
    await one.tell(one.joining(owner))
    await two.tell(two.joining(owner))
    album = await owner.create()

    async def now():
        return (await owner.get(album.id)).visibility

    await owner.share(album.id, one.id, visibility="private")
    assert await now() == "private"
    await owner.share(album.id, one.id)
    await owner.share(album.id, two.id)
    assert await now() == "shared"
    await owner.unshare(album.id, one.id)
    assert await now() == "shared"
    await owner.share(album.id, two.id, visibility="private")
    assert await now() == "private"


async def test_the_better_of_two_roles_counts(make_user, make_family, photos):
    owner, who = make_user(), make_user()
    one, two = make_family(), make_family()
    await one.tell(one.joining(owner), one.joining(who, "viewer"))
    await two.tell(two.joining(owner), two.joining(who, "member"))
    album = await owner.create()
    await owner.share(album.id, one.id)
    assert (await who.get(album.id)).role == "viewer"
    await owner.share(album.id, two.id)
    assert (await who.get(album.id)).role == "member"
    (own,) = photos.make(who.user_id, 1)
    await who.add(album.id, [own])
    await owner.unshare(album.id, two.id)
    now = await who.get(album.id)
    assert (now.role, now.photo_ids) == ("viewer", [own])


async def test_a_member_adds_only_own_photos(make_user, make_family, photos):
    owner, member, family = make_user(), make_user(), make_family()
    await family.tell(family.joining(owner), family.joining(member))
    album = await owner.create()
    await owner.share(album.id, family.id)
    (theirs,), (own,) = photos.make(owner.user_id, 1), photos.make(member.user_id, 1)
    with pytest.raises(NotFound):
        await member.add(album.id, [own, theirs])
    with pytest.raises(NotFound):
        await owner.add(album.id, [own])
    await member.add(album.id, [own])
    await owner.add(album.id, [theirs])
    places = (await member.photos(album.id)).photos
    assert [(place.photo_id, place.owner_id) for place in places] == [(own, member.user_id), (theirs, owner.user_id)]
    assert (await owner.update(album.id, cover_photo_id=theirs)).cover_photo_id == theirs


async def test_originals_are_shared_only_where_the_owner_says_so(make_user, make_family, photos):
    owner, who = make_user(), make_user()
    family, other = make_family(), make_family()
    await family.tell(family.joining(owner), family.joining(who))
    await other.tell(other.joining(owner))
    album = await owner.create()
    (theirs,), (own,) = photos.make(owner.user_id, 1), photos.make(who.user_id, 1)
    await owner.add(album.id, [theirs])
    await owner.share(album.id, family.id)
    await owner.share(album.id, other.id, originals=True)
    await who.add(album.id, [own])

    async def located(user):
        found = [await user.locate(album.id, photo) for photo in (theirs, own)]
        return [(place.owner_id, place.original) for place in found]

    assert await located(who) == [(owner.user_id, False), (who.user_id, True)]
    assert await located(owner) == [(owner.user_id, True), (who.user_id, False)]
    await owner.share(album.id, family.id, originals=True)
    assert await located(who) == [(owner.user_id, True), (who.user_id, True)]


async def test_sockets_hear_of_what_they_see(bus, make_user, make_family, photos):
    owner, member, viewer = make_user(), make_user(), make_user()
    family = make_family()
    await family.tell(family.joining(owner), family.joining(member), family.joining(viewer, "viewer"))
    album = await owner.create()
    await owner.share(album.id, family.id)
    (own,) = photos.make(member.user_id, 1)
    await member.add(album.id, [own])
    await family.tell(family.leaving(member))
    await owner.unshare(album.id, family.id)
    await owner.delete(album.id)

    async def all_told():
        found = [
            update
            for update in await testing.published(bus.jetstream, catalog.ALBUM_UPDATED)
            if update.album_id == album.id
        ]
        return found if len(found) >= 10 else None

    told = [(u.user_id, u.change, u.audience) for u in await testing.eventually(all_told)]
    a, b, c = owner.user_id, member.user_id, viewer.user_id
    assert told == [
        (a, "created", [a]),
        (a, "updated", [a]),
        (b, "created", [b]),
        (c, "created", [c]),
        (a, "photos_added", [a, b, c]),
        (a, "photos_removed", [a, c]),
        (b, "deleted", [b]),
        (a, "updated", [a]),
        (c, "deleted", [c]),
        (a, "deleted", [a]),
    ]
