"""What the albums service decides about the photos in an album: whose may be in it, in which order, who takes them out."""

from collections.abc import Sequence
from typing import cast

from mizzap_common import hidden, tombstones
from mizzap_common.bus import Bus
from mizzap_common.contracts import albums, events, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, Forbidden, NotFound
from mizzap_common.inbox import Delivery
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_albums import access, album_photos, repository, telling
from mizzap_albums.access import Opened
from mizzap_albums.models import AlbumRow

MAX_PHOTOS = 20_000
"""Photos an album may hold: all their ids must fit into one answer over the broker, 1 MiB."""


class Contents:
    """``bus`` is there to ask the photos service whose a photo is."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.database = database
        self.bus = bus

    async def add(self, request: albums.AddToAlbum) -> albums.AddedToAlbum:
        """Adds all of the asker's photos or none; those that are in the album already stay where they are.

        Raises NotFound for photos that don't exist, are deleted or somebody else's, Forbidden for viewers, and Conflict
        ALBUM_FULL.
        """
        wanted = list(dict.fromkeys(request.photo_ids))
        async with self.database.begin() as session:
            access.needs_contributor(await access.see(session, request))
        asked = library.PhotosRequest(user_id=request.user_id, photo_ids=wanted)
        known = {photo.id for photo in (await self.bus.ask(requests.PHOTOS_NAMES, asked)).photos}
        async with self.database.begin() as session:
            # a photo may have been deleted since the answer: its tombstone decides, and its lock holds until we commit
            gone = await tombstones.buried_among(session, wanted, request.user_id)
            gone |= await hidden.hidden_among(session, request.user_id, wanted)
            # first: who no longer sees the album hears nothing else
            opened = await access.open_locked(session, request)
            opened.needs_contributor()
            _refuse_others(wanted, known - gone)
            added = await self._append(session, opened.album, request, wanted)
            album = await telling.answer(session, request)
        return albums.AddedToAlbum(**album.model_dump(), added=added)

    async def _append(
        self, session: AsyncSession, album: AlbumRow, request: albums.AddToAlbum, wanted: Sequence[int]
    ) -> list[int]:
        """Those that were not in the album before."""
        there = await album_photos.owners(session, request.album_id, wanted)
        new = [photo_id for photo_id in wanted if photo_id not in there]
        if not new:
            return []
        if await album_photos.count(session, request.album_id) + len(new) > MAX_PHOTOS:
            raise Conflict(f"An album holds {MAX_PHOTOS:,} photos at most.", code="ALBUM_FULL", limit=MAX_PHOTOS)
        await album_photos.append(session, request.album_id, request.user_id, new)
        await repository.change(session, request.album_id, {})
        await telling.tell(session, album, "photos_added")
        return new

    # --- taking out ---------------------------------------------------------------------------------------------

    async def remove(self, request: albums.RemoveFromAlbum) -> albums.Album:
        """Raises NotFound when the photo is not in the album, Forbidden when neither is the asker's."""
        async with self.database.begin() as session:
            opened = await access.open_locked(session, request)
            if not await self._take_out(session, opened, request, [request.photo_id]):
                raise access.no_such_photo(request.photo_id)
            return await telling.answer(session, request)

    async def remove_many(self, request: albums.RemoveManyFromAlbum) -> albums.Album:
        """Takes out those of the photos that are in the album: asking once more does no harm.

        Raises Forbidden, with nothing taken out, when one of them may not be taken out by the asker.
        """
        async with self.database.begin() as session:
            opened = await access.open_locked(session, request)
            await self._take_out(session, opened, request, request.photo_ids)
            return await telling.answer(session, request)

    async def _take_out(
        self, session: AsyncSession, opened: Opened, request: albums.AlbumRequest, wanted: Sequence[int]
    ) -> bool:
        owners = await album_photos.owners(session, request.album_id, wanted)
        # one's own can always be withdrawn, by a member too who has become a viewer since
        others = sorted(photo_id for photo_id, owner in owners.items() if owner != request.user_id)
        if others and opened.role != "owner":
            message = "Only the photo's and the album's owner can take it out."
            raise Forbidden(message, code="NOT_THE_OWNER", photoIds=others)
        return await _remove(session, opened.album, list(owners))

    async def forget_photo(self, photo: events.PhotoDeleted, delivery: Delivery) -> None:
        """The tombstone keeps those from adding it whom the photos service answered before the deletion."""
        async with self.database.effect(delivery) as session:
            await tombstones.bury(session, photo.photo_id, photo.user_id)
            await hidden.forget(session, photo.user_id, photo.photo_id)
            for album in await album_photos.lock_albums_with(session, photo.user_id, photo.photo_id):
                await _remove(session, album, [photo.photo_id])

    # --- the trash ----------------------------------------------------------------------------------------------

    async def hide_photo(self, photo: events.PhotoTrashed, delivery: Delivery) -> None:
        """The photo keeps its place in every album, and nobody sees it there until it is restored."""
        await self._move_photo(photo, delivery, hide=True)

    async def show_photo(self, photo: events.PhotoRestored, delivery: Delivery) -> None:
        await self._move_photo(photo, delivery, hide=False)

    async def _move_photo(self, photo: events.PhotoTrashed, delivery: Delivery, hide: bool) -> None:
        async with self.database.effect(delivery) as session:
            if not await hidden.tell(session, photo, hide):
                return
            for album in await album_photos.lock_albums_with(session, photo.user_id, photo.photo_id):
                await repository.change(session, cast(int, album.id), {})
                await telling.tell(session, album, "photos_removed" if hide else "photos_added")

    # --- order --------------------------------------------------------------------------------------------------

    async def order(self, request: albums.OrderAlbum) -> albums.Album:
        """Raises NotFound for a photo that is not in the album, Conflict ORDER_INCOMPLETE for a whole order that lacks
        photos of the album, PreconditionFailed VERSION_CONFLICT."""
        async with self.database.begin() as session:
            opened = await access.open_locked(session, request)
            opened.needs_owner()
            opened.needs_version(request.if_match)
            if request.photo_ids is not None:
                moved = await _arrange(session, request.album_id, request.photo_ids)
            else:
                moved = await _move(session, request.album_id, request.moves or [])
            if moved:
                await repository.change(session, request.album_id, {})
                await telling.tell(session, opened.album, "updated")
            return await telling.answer(session, request)

    # --- asking -------------------------------------------------------------------------------------------------

    async def photos(self, request: albums.ListAlbumPhotos) -> albums.AlbumPhotoPage:
        async with self.database.begin() as session:
            await access.see(session, request)
            offset = (request.page - 1) * request.limit
            found = await album_photos.page(session, request.album_id, request.limit, offset)
            total = await album_photos.count_shown(session, request.album_id)
        entries = [albums.AlbumPhoto.model_validate(photo, from_attributes=True) for photo in found]
        return albums.AlbumPhotoPage(photos=entries, total=total)

    async def locate(self, request: albums.LocateAlbumPhoto) -> albums.LocatedPhoto:
        """Whose photo it is. Raises NotFound when the asker doesn't see the album, or the photo is not in it."""
        async with self.database.begin() as session:
            await access.see(session, request)
            owners = await album_photos.owners(session, request.album_id, [request.photo_id])
            if request.photo_id not in owners:
                raise access.no_such_photo(request.photo_id)
            owner_id = owners[request.photo_id]
            original = owner_id == request.user_id or await album_photos.originals_shared(
                session, request.album_id, [request.user_id, owner_id]
            )
        return albums.LocatedPhoto(owner_id=owner_id, original=original)


def _refuse_others(wanted: Sequence[int], mine: set[int]) -> None:
    """The same words for what is somebody else's, deleted, or never was."""
    if others := [photo_id for photo_id in wanted if photo_id not in mine]:
        numbers = ", ".join(map(str, others[:10])) + (" …" if len(others) > 10 else "")
        raise NotFound(f"There is no such photo: {numbers}.", photoIds=others)


async def _remove(session: AsyncSession, album: AlbumRow, photo_ids: Sequence[int]) -> bool:
    """False when none of them was in the album, which is locked."""
    assert album.id is not None
    gone = await album_photos.take_out(session, album.id, photo_ids) if photo_ids else ()
    if not gone:
        return False
    await repository.change(session, album.id, album_photos.without_cover(gone))
    await telling.tell(session, album, "photos_removed")
    return True


async def _arrange(session: AsyncSession, album_id: int, photo_ids: Sequence[int]) -> bool:
    """False when they stand so. Photos in the trash keep their places, counted from the front."""
    places = await album_photos.places(session, album_id)
    now = [photo_id for photo_id, shown in places if shown]
    if set(now) != set(photo_ids) or len(photo_ids) != len(now):
        message = "The order must name every photo of the album once. Please look at it again."
        raise Conflict(message, code="ORDER_INCOMPLETE", photoCount=len(now))
    if now == list(photo_ids):
        return False
    next_one = iter(photo_ids)
    whole = [next(next_one) if shown else photo_id for photo_id, shown in places]
    await album_photos.arrange(session, album_id, whole)
    return True


async def _move(session: AsyncSession, album_id: int, moves: Sequence[albums.Move]) -> bool:
    """False when they all stand so."""
    named = {move.photo_id for move in moves} | {move.after for move in moves if move.after is not None}
    there = await album_photos.owners(session, album_id, named)
    if missing := sorted(named - there.keys()):
        raise access.no_such_photo(missing[0])
    moved = [await album_photos.move(session, album_id, move.photo_id, move.after) for move in moves]
    return any(moved)
