"""What the albums service has of a user, for an export: every album with its photos, in its order."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import exporting, library, requests
from mizzap_common.db import Database

from mizzap_albums import repository
from mizzap_albums.service import to_answer

_ROWS = 20
"""A full album is about 200 kB of photo ids."""


def serve(bus: Bus, database: Database) -> None:
    async def page(request: exporting.ExportPageRequest) -> exporting.ExportPage:
        _, after = request.place
        async with database.begin() as session:
            found = await repository.albums_after(session, request.user_id, after, _ROWS)
            albums = []
            for overview in found:
                album = to_answer(overview)
                photo_ids = await repository.photo_ids(session, request.user_id, album.id)
                albums.append(library.AlbumWithPhotos(**album.model_dump(), photo_ids=list(photo_ids)))
        items = exporting.fitting(album.model_dump(mode="json", by_alias=True) for album in albums)
        last = len(items) == len(found) < _ROWS
        return exporting.ExportPage(
            file="albums.json", items=items, next_cursor=None if last else f"0:{items[-1]['id']}"
        )

    bus.answer(requests.ALBUMS_EXPORT, page)
