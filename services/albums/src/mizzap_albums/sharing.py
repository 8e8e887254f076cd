"""What the albums service decides about families: with whom an album is shared, and what ends when somebody leaves.

Who no longer sees an album takes the own photos along: each photo in an album is of the album's owner, or of somebody
who sees the album.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

from mizzap_common import tombstones
from mizzap_common.contracts import albums, family_events, library
from mizzap_common.contracts.albums import AlbumRole
from mizzap_common.contracts.events import FamilyRole
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from mizzap_common.inbox import Delivery
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_albums import access, album_photos, families, repository, telling
from mizzap_albums.models import AlbumRow, SharedAlbumRow

Roles = Mapping[int, FamilyRole | None]
"""What users are in a family; None for who has left."""


class Sharing:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def share(self, request: albums.ShareAlbum) -> albums.PutShare:
        """Shares the album, or changes how it is shared. Raises NotFound for a family that the owner is not in."""
        async with self.database.begin() as session:
            await families.lock(session, request.family_id)
            opened = await access.open_locked(session, request)
            opened.needs_owner()
            if not await families.is_member(session, request.family_id, request.user_id):
                raise NotFound("There is no such family.", familyId=request.family_id)
            known = await families.share(session, request.album_id, request.family_id)
            async with _telling_the_difference(session, [opened.album]):
                share = await families.put_share(session, SharedAlbumRow(**request.model_dump(exclude={"user_id"})))
        return albums.PutShare(share=_to_answer(share), created=known is None)

    async def shares(self, request: albums.AlbumRequest) -> albums.Shares:
        async with self.database.begin() as session:
            await access.see_as_owner(session, request)
            found = await families.shares(session, request.album_id)
        return albums.Shares(shares=[_to_answer(share) for share in found])

    async def unshare(self, request: albums.UnshareAlbum) -> library.Done:
        async with self.database.begin() as session:
            await families.lock(session, request.family_id)
            opened = await access.open_locked(session, request)
            opened.needs_owner()
            async with _telling_the_difference(session, [opened.album]):
                if not await families.end_share(session, request.album_id, request.family_id):
                    raise NotFound("The album is not shared with this family.", familyId=request.family_id)
        return library.Done()

    # --- families -----------------------------------------------------------------------------------------------

    async def joined(self, event: family_events.FamilyMemberEvent, delivery: Delivery) -> None:
        async with self.database.effect(delivery) as session:
            roles = await _without_erased(session, {event.user_id: event.role})
            async with _changing(session, event.family_id):
                await families.put_roles(session, event.family_id, event.change, roles)

    async def left(self, event: family_events.FamilyMemberEvent, delivery: Delivery) -> None:
        """What the leaver had shared is not the family's any more either."""
        async with self.database.effect(delivery) as session:
            nothing = await _without_erased(session, {event.user_id: None})
            async with _changing(session, event.family_id):
                await _leave(session, event, nothing)

    async def changed(self, event: family_events.FamilyChanged, delivery: Delivery) -> None:
        """Somebody's role may be another one. All members are named: who is not among them has left."""
        async with self.database.effect(delivery) as session:
            roles = await _without_erased(session, {member.user_id: member.role for member in event.members})
            async with _changing(session, event.family_id):
                missing = set(await families.members(session, event.family_id)) - roles.keys()
                await families.put_roles(session, event.family_id, event.change, roles)
                await _leave(session, event, dict.fromkeys(sorted(missing)))

    async def deleted(self, event: family_events.FamilyDeleted, delivery: Delivery) -> None:
        async with self.database.effect(delivery) as session, _changing(session, event.family_id):
            await families.bury(session, event.family_id)

    async def erased(self, user_id: int) -> None:
        """As if the user had left every family: the others' albums lose the user's photos, and they the user's albums.

        An event about the leaving itself may come before or behind: it finds nothing left to do.
        """
        async with self.database.begin() as session:
            left = await families.of(session, user_id)
        for family_id in left:
            async with self.database.begin() as session, _changing(session, family_id):
                await families.forget(session, family_id, user_id)
                await families.end_shares_of(session, family_id, [user_id])


async def _without_erased(session: AsyncSession, roles: Roles) -> Roles:
    """What is told of those who are not erased, and won't be until this transaction ends: of the others ``erased`` sees
    to everything, and nothing may be known afterwards. To be asked before the family's lock."""
    gone = await tombstones.buried_users_among(session, roles)
    return {user_id: role for user_id, role in roles.items() if user_id not in gone}


async def _leave(session: AsyncSession, event: family_events.FamilyEvent, nothing: Roles) -> None:
    left = await families.put_roles(session, event.family_id, event.change, nothing)
    await families.end_shares_of(session, event.family_id, left)


@asynccontextmanager
async def _changing(session: AsyncSession, family_id: int) -> AsyncIterator[None]:
    """A change of the family's members in the block, with all that follows for the albums shared with it."""
    await families.lock(session, family_id)
    # only now is it known which ones there are
    shared = await families.lock_albums(session, family_id)
    async with _telling_the_difference(session, shared):
        yield


@asynccontextmanager
async def _telling_the_difference(session: AsyncSession, shared: Sequence[AlbumRow]) -> AsyncIterator[None]:
    """Compares who sees the albums, which are locked, before and after the block, and acts on it."""
    ids = [cast(int, album.id) for album in shared]
    before = await repository.viewers(session, ids)
    yield
    after = await repository.viewers(session, ids)
    for album in shared:
        album_id = cast(int, album.id)
        await _follow(session, album, before[album_id], after[album_id])


async def _follow(
    session: AsyncSession, album: AlbumRow, before: Mapping[int, AlbumRole], after: Mapping[int, AlbumRole]
) -> None:
    album_id = cast(int, album.id)
    taken = await album_photos.take_out_others(session, album_id, [album.user_id, *after])
    visibility = await families.settle_visibility(session, album_id)
    if taken or visibility:
        await repository.change(session, album_id, album_photos.without_cover(taken))
        await telling.tell(session, album, "photos_removed" if taken else "updated", before.keys() & after.keys())
    for user_id in sorted(before.keys() - after.keys()):
        await telling.tell_one(session, user_id, album, "deleted")
    for user_id in sorted(after.keys() - before.keys()):
        await telling.tell_one(session, user_id, album, "created")
    for user_id in sorted(before.keys() & after.keys()):
        if before[user_id] != after[user_id]:
            await telling.tell_one(session, user_id, album, "updated")


def _to_answer(share: SharedAlbumRow) -> albums.Share:
    return albums.Share.model_validate(share, from_attributes=True)
