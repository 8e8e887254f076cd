"""What the albums service decides: whose photos may be in an album, which one is its cover, what a deletion takes out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast

from mizzap_common import hidden, outbox, tombstones
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, InvalidInput, NotFound
from mizzap_common.inbox import Delivery
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_albums import repository
from mizzap_albums.models import AlbumRow
from mizzap_albums.repository import Overview

MAX_PHOTOS = 20_000
"""Photos an album may hold: all their ids must fit into one answer over the broker, 1 MiB."""

Change = Literal["created", "updated", "photos_added", "photos_removed", "deleted"]


class Albums:
    """``bus`` is there to ask the photos service whose a photo is."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.database = database
        self.bus = bus

    async def create(self, request: library.CreateAlbum) -> library.Album:
        async with self.database.begin() as session:
            album_id = await repository.create(session, request.user_id, request.name, request.description or None)
            return await _changed(session, request.user_id, album_id, "created")

    async def get(self, request: library.AlbumRequest) -> library.AlbumWithPhotos:
        async with self.database.begin() as session:
            album = await _answer(session, request.user_id, request.album_id)
            photo_ids = await repository.photo_ids(session, request.user_id, request.album_id)
        return library.AlbumWithPhotos(**album.model_dump(), photo_ids=list(photo_ids))

    async def update(self, request: library.UpdateAlbum) -> library.Album:
        """Raises InvalidInput COVER_NOT_IN_ALBUM."""
        async with self.database.begin() as session:
            album = await _locked(session, request)
            values = _differences(album, request)
            if not values:
                return await _answer(session, request.user_id, request.album_id)
            if cover := values.get("cover_photo_id"):
                await _check_cover(session, request, cover)
            await repository.change(session, request.user_id, request.album_id, values)
            return await _changed(session, request.user_id, request.album_id, "updated")

    async def delete(self, request: library.AlbumRequest) -> library.Done:
        async with self.database.begin() as session:
            if not await repository.delete_album(session, request.user_id, request.album_id):
                raise _no_such_album()
            await _tell(session, request.user_id, request.album_id, "deleted")
        return library.Done()

    async def add(self, request: library.AddToAlbum) -> library.AddedToAlbum:
        """Adds all of the photos or none; those that are in the album already stay where they are.

        Raises NotFound for photos that don't exist, are deleted or somebody else's, and Conflict ALBUM_FULL.
        """
        wanted = list(dict.fromkeys(request.photo_ids))
        async with self.database.begin() as session:
            await _answer(session, request.user_id, request.album_id)
        asked = library.PhotosRequest(user_id=request.user_id, photo_ids=wanted)
        known = {photo.id for photo in (await self.bus.ask(requests.PHOTOS_NAMES, asked)).photos}
        async with self.database.begin() as session:
            # a photo may have been deleted since the answer: its tombstone decides, and its lock holds until we commit
            gone = await tombstones.buried_among(session, wanted)
            gone |= await hidden.hidden_among(session, request.user_id, wanted)
            _refuse_others(wanted, known - gone)
            await _locked(session, request)
            added = await self._append(session, request, wanted)
            album = await _answer(session, request.user_id, request.album_id)
        return library.AddedToAlbum(**album.model_dump(), added=added)

    async def _append(self, session: AsyncSession, request: library.AddToAlbum, wanted: Sequence[int]) -> list[int]:
        """Those that were not in the album before."""
        there = await repository.contained(session, request.user_id, request.album_id, wanted)
        new = [photo_id for photo_id in wanted if photo_id not in there]
        if not new:
            return []
        if await repository.count(session, request.user_id, request.album_id) + len(new) > MAX_PHOTOS:
            raise Conflict(f"An album holds {MAX_PHOTOS:,} photos at most.", code="ALBUM_FULL", limit=MAX_PHOTOS)
        await repository.append(session, request.user_id, request.album_id, new)
        await repository.change(session, request.user_id, request.album_id, {})
        await _tell(session, request.user_id, request.album_id, "photos_added")
        return new

    async def remove(self, request: library.RemoveFromAlbum) -> library.Album:
        async with self.database.begin() as session:
            await _locked(session, request)
            if not await repository.take_out(session, request.user_id, request.photo_id, request.album_id):
                raise NotFound("There is no such photo in this album.", photoId=request.photo_id)
            return await _changed(session, request.user_id, request.album_id, "photos_removed")

    async def forget_photo(self, photo: events.PhotoDeleted, delivery: Delivery) -> None:
        """The tombstone keeps those from adding it whom the photos service answered before the deletion."""
        async with self.database.effect(delivery) as session:
            await tombstones.bury(session, photo.photo_id, photo.user_id)
            await hidden.forget(session, photo.user_id, photo.photo_id)
            for album_id in await repository.take_out(session, photo.user_id, photo.photo_id):
                await _tell(session, photo.user_id, album_id, "photos_removed")

    async def hide_photo(self, photo: events.PhotoTrashed, delivery: Delivery) -> None:
        """The photo keeps its place in every album, and is not seen there until it is restored."""
        await self._move_photo(photo, delivery, hide=True)

    async def show_photo(self, photo: events.PhotoRestored, delivery: Delivery) -> None:
        await self._move_photo(photo, delivery, hide=False)

    async def _move_photo(self, photo: events.PhotoTrashed, delivery: Delivery, hide: bool) -> None:
        async with self.database.effect(delivery) as session:
            if not await hidden.tell(session, photo, hide):
                return
            for album_id in await repository.albums_with(session, photo.user_id, photo.photo_id):
                await repository.change(session, photo.user_id, album_id, {})
                await _tell(session, photo.user_id, album_id, "photos_removed" if hide else "photos_added")

    async def list(self, request: library.ListAlbums) -> library.AlbumPage:
        async with self.database.begin() as session:
            offset = (request.page - 1) * request.limit
            found, total = await repository.page(session, request.user_id, request.limit, offset)
        return library.AlbumPage(albums=[to_answer(overview) for overview in found], total=total)


def _no_such_album() -> NotFound:
    return NotFound("There is no such album.")


async def _locked(session: AsyncSession, request: library.AlbumRequest) -> AlbumRow:
    album = await repository.lock(session, request.user_id, request.album_id)
    if album is None:
        raise _no_such_album()
    return album


def _differences(album: AlbumRow, request: library.UpdateAlbum) -> dict[str, Any]:
    asked = request.model_dump(include={"name", "description", "cover_photo_id"}, exclude_none=True)
    if "description" in asked:
        asked["description"] = asked["description"] or None
    return {field: value for field, value in asked.items() if getattr(album, field) != value}


async def _check_cover(session: AsyncSession, request: library.UpdateAlbum, photo_id: int) -> None:
    inside = await repository.contained(session, request.user_id, request.album_id, [photo_id])
    if not inside - await hidden.hidden_among(session, request.user_id, [photo_id]):
        raise InvalidInput("The cover must be a photo of the album.", code="COVER_NOT_IN_ALBUM", field="coverPhotoId")


def _refuse_others(wanted: Sequence[int], mine: set[int]) -> None:
    """The same words for what is somebody else's, deleted, or never was."""
    if others := [photo_id for photo_id in wanted if photo_id not in mine]:
        numbers = ", ".join(map(str, others[:10])) + (" …" if len(others) > 10 else "")
        raise NotFound(f"There is no such photo: {numbers}.", photoIds=others)


async def _tell(session: AsyncSession, user_id: int, album_id: int, change: Change) -> None:
    updated = events.AlbumUpdated(user_id=user_id, album_id=album_id, change=change)
    await outbox.add(session, catalog.ALBUM_UPDATED, updated)


async def _changed(session: AsyncSession, user_id: int, album_id: int, change: Change) -> library.Album:
    await _tell(session, user_id, album_id, change)
    return await _answer(session, user_id, album_id)


async def _answer(session: AsyncSession, user_id: int, album_id: int) -> library.Album:
    overview = await repository.overview(session, user_id, album_id)
    if overview is None:
        raise _no_such_album()
    return to_answer(overview)


def to_answer(overview: Overview) -> library.Album:
    album = overview.album
    return library.Album(
        id=cast(int, album.id),
        name=album.name,
        description=album.description,
        cover_photo_id=overview.cover_photo_id or overview.first_photo_id,
        visibility=cast(Literal["private", "shared"], album.visibility),
        photo_count=overview.photo_count,
        created_at=cast(datetime, album.created_at),
        updated_at=cast(datetime, album.updated_at),
    )
