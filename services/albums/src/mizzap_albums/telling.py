"""Answers about albums, and telling everybody who sees one that it has changed."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal, cast

from mizzap_common import changes, outbox
from mizzap_common.contracts import albums, catalog, events
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_albums import access, repository
from mizzap_albums.models import AlbumRow
from mizzap_albums.repository import Overview

KIND = "album"
Change = Literal["created", "updated", "photos_added", "photos_removed", "deleted"]


async def tell(session: AsyncSession, album: AlbumRow, change: Change, viewers: Collection[int] | None = None) -> None:
    """To the owner's and the viewers' feeds and sockets; ``viewers`` is given where not all of them are to hear it."""
    album_id = cast(int, album.id)
    if viewers is None:
        viewers = (await repository.viewers(session, [album_id]))[album_id]
    audience = [album.user_id, *sorted(viewers)]
    for user_id in audience:
        changes.note(session, user_id, KIND, album_id, deleted=change == "deleted")
    updated = events.AlbumUpdated(
        user_id=album.user_id, album_id=album_id, change=change, owner_id=album.user_id, audience=audience
    )
    await outbox.add(session, catalog.ALBUM_UPDATED, updated)


async def tell_one(session: AsyncSession, user_id: int, album: AlbumRow, change: Change) -> None:
    """To a single viewer, for whom it becomes visible, is another one, or no longer there."""
    album_id = cast(int, album.id)
    changes.note(session, user_id, KIND, album_id, deleted=change == "deleted")
    updated = events.AlbumUpdated(
        user_id=user_id, album_id=album_id, change=change, owner_id=album.user_id, audience=[user_id]
    )
    await outbox.add(session, catalog.ALBUM_UPDATED, updated)


async def answer(session: AsyncSession, request: albums.AlbumRequest) -> albums.Album:
    """The album as the asker sees it. Raises NotFound for strangers."""
    found = await repository.overviews(session, request.user_id, [request.album_id])
    if request.album_id not in found:
        raise access.no_such_album()
    return to_answer(found[request.album_id])


def to_answer(overview: Overview) -> albums.Album:
    album = overview.album
    return albums.Album(
        id=cast(int, album.id),
        owner_id=album.user_id,
        role=overview.role,
        name=album.name,
        description=album.description,
        cover_photo_id=overview.cover_photo_id or overview.first_photo_id,
        visibility=cast(Literal["private", "shared"], album.visibility),
        photo_count=overview.photo_count,
        version=album.version,
        created_at=cast(datetime, album.created_at),
        updated_at=cast(datetime, album.updated_at),
    )
