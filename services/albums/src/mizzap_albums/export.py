"""What the albums service has of a user, for an export: every own album with the own photos in it, in its order."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import albums, exporting, requests
from mizzap_common.db import Database

from mizzap_albums import export_repository, repository
from mizzap_albums.telling import to_answer

_ROWS = 20
"""A full album is about 200 kB of photo ids."""


def serve(bus: Bus, database: Database) -> None:
    async def page(request: exporting.ExportPageRequest) -> exporting.ExportPage:
        _, after = request.place
        async with database.begin() as session:
            found = await export_repository.albums_after(session, request.user_id, after, _ROWS)
            overviews = await repository.overviews(session, request.user_id, found)
            whole = []
            for album_id in found:
                photo_ids = await export_repository.own_photos(session, request.user_id, album_id)
                album = to_answer(overviews[album_id]).model_dump()
                whole.append(albums.AlbumWithPhotos(**album, photo_ids=photo_ids))
        items = exporting.fitting(album.model_dump(mode="json", by_alias=True) for album in whole)
        last = len(items) == len(found) < _ROWS
        return exporting.ExportPage(
            file="albums.json", items=items, next_cursor=None if last else f"0:{items[-1]['id']}"
        )

    bus.answer(requests.ALBUMS_EXPORT, page)
