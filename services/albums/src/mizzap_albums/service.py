"""What the albums service decides about albums themselves: their names, their covers, their end."""

from typing import Any, cast

from mizzap_common.contracts import albums, library
from mizzap_common.db import Database
from mizzap_common.errors import InvalidInput
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_albums import access, album_photos, repository, telling
from mizzap_albums.models import AlbumRow


class Albums:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def create(self, request: albums.CreateAlbum) -> albums.Album:
        async with self.database.begin() as session:
            album = await repository.create(session, request.user_id, request.name, request.description or None)
            await telling.tell(session, album, "created", viewers=())
            made = albums.AlbumRequest(user_id=request.user_id, album_id=cast(int, album.id))
            return await telling.answer(session, made)

    async def get(self, request: albums.AlbumRequest) -> albums.AlbumWithPhotos:
        async with self.database.begin() as session:
            album = await telling.answer(session, request)
            photo_ids = await album_photos.ids(session, request.album_id)
        return albums.AlbumWithPhotos(**album.model_dump(), photo_ids=list(photo_ids))

    async def update(self, request: albums.UpdateAlbum) -> albums.Album:
        """Raises PreconditionFailed VERSION_CONFLICT, InvalidInput COVER_NOT_IN_ALBUM."""
        async with self.database.begin() as session:
            opened = await access.open_locked(session, request)
            opened.needs_owner()
            opened.needs_version(request.if_match)
            values = _differences(opened.album, request)
            if values:
                if cover := values.get("cover_photo_id"):
                    await _check_cover(session, request, cover)
                await repository.change(session, request.album_id, values)
                await telling.tell(session, opened.album, "updated")
            return await telling.answer(session, request)

    async def delete(self, request: albums.DeleteAlbum) -> library.Done:
        """Raises PreconditionFailed VERSION_CONFLICT."""
        async with self.database.begin() as session:
            opened = await access.open_locked(session, request)
            opened.needs_owner()
            opened.needs_version(request.if_match)
            # as long as it is known who sees it
            await telling.tell(session, opened.album, "deleted")
            await repository.delete_album(session, request.album_id)
        return library.Done()

    async def list(self, request: albums.ListAlbums) -> albums.AlbumPage:
        async with self.database.begin() as session:
            offset = (request.page - 1) * request.limit
            found, total = await repository.page(session, request.user_id, request.shared, request.limit, offset)
        return albums.AlbumPage(albums=[telling.to_answer(overview) for overview in found], total=total)


def _differences(album: AlbumRow, request: albums.UpdateAlbum) -> dict[str, Any]:
    asked = request.model_dump(include={"name", "description", "cover_photo_id"}, exclude_none=True)
    if "description" in asked:
        asked["description"] = asked["description"] or None
    if request.clear_cover:
        asked["cover_photo_id"] = None
    return {field: value for field, value in asked.items() if getattr(album, field) != value}


async def _check_cover(session: AsyncSession, request: albums.UpdateAlbum, photo_id: int) -> None:
    if not await album_photos.owners(session, request.album_id, [photo_id]):
        raise InvalidInput("The cover must be a photo of the album.", code="COVER_NOT_IN_ALBUM", field="coverPhotoId")
