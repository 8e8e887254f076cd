"""Actions on many photos at once: all of them or none, with a result for each; and what is done to one likewise."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import cast

from mizzap_common import outbox
from mizzap_common.contracts import catalog, events, keeping, library
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_photos import moving, repository, trash_repository
from mizzap_photos.models import PhotoRow
from mizzap_photos.refusals import no_such_photo

_ALSO_IN_TRASH = ("delete", "restore", "delete_permanently")
"""Actions that find photos in the trash; for the others these are not there."""


class Batch:
    """``answer`` shows a photo as the others see it, ``now`` is the clock."""

    def __init__(
        self, database: Database, answer: Callable[[PhotoRow], library.Photo], now: Callable[[], datetime]
    ) -> None:
        self.database = database
        self.answer = answer
        self.now = now

    async def act(self, request: keeping.BatchAction) -> keeping.BatchResults:
        """Raises NotFound, with the ids, when any of the photos is not there; then nothing has changed."""
        wanted = list(dict.fromkeys(request.photo_ids))
        async with self.database.begin() as session:
            photos = await trash_repository.lock_with_partners(session, request.user_id, wanted)
            if request.action not in _ALSO_IN_TRASH:
                photos = [row for row in photos if row.trashed_at is None]
            _refuse_others(wanted, photos)
            changed = set(await self._act(session, request, photos))
        return keeping.BatchResults(
            results=[
                keeping.ItemResult(photo_id=photo_id, result="changed" if photo_id in changed else "unchanged")
                for photo_id in wanted
            ]
        )

    async def _act(
        self, session: AsyncSession, request: keeping.BatchAction, photos: Sequence[PhotoRow]
    ) -> Sequence[int]:
        """Ids of those that were not so before."""
        match request.action:
            case "delete":
                return await moving.into_trash(session, request.user_id, photos, self.now())
            case "restore":
                return await moving.out_of_trash(session, request.user_id, photos)
            case "delete_permanently":
                return await moving.away(session, request.user_id, photos)
            case "favourite" | "unfavourite":
                return await _set_favourite(session, request.user_id, photos, request.action == "favourite")

    async def set_favourite(self, request: keeping.SetFavourite) -> library.Photo:
        async with self.database.begin() as session:
            photo = await repository.get(session, request.user_id, request.photo_id, lock=True)
            if photo is None or photo.trashed_at is not None:
                raise no_such_photo(request.photo_id)
            await _set_favourite(session, request.user_id, [photo], request.favourite)
            await session.refresh(photo)
            return self.answer(photo)


async def _set_favourite(session: AsyncSession, user_id: int, photos: Sequence[PhotoRow], favourite: bool) -> list[int]:
    changed = [cast(int, row.id) for row in photos if row.is_favourite != favourite]
    for photo_id in changed:
        await repository.change(session, user_id, photo_id, {"is_favourite": favourite})
        await outbox.add(session, catalog.PHOTO_CHANGED, events.PhotoChanged(photo_id=photo_id, user_id=user_id))
    return changed


def _refuse_others(wanted: Sequence[int], photos: Sequence[PhotoRow]) -> None:
    """The same words for what is somebody else's, deleted, or never was."""
    mine = {row.id for row in photos}
    if others := [photo_id for photo_id in wanted if photo_id not in mine]:
        numbers = ", ".join(map(str, others[:10])) + (" …" if len(others) > 10 else "")
        raise NotFound(f"There is no such photo: {numbers}.", photoIds=others)
