"""Brings an export into an account: the photos under their names, favourites, albums in their order, decisions
and wishes. What was in the trash stays behind.

It may be stopped anywhere and run again: what is there already is found and left as it is.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mizzap_client import operations, schemas
from mizzap_client.api import PRECHECK_AT_MOST, AsyncClient
from mizzap_client.archive import Archive, Damaged, ExportedAlbum, ExportedPhoto
from mizzap_client.errors import ApiError, Interrupted, NotFound
from mizzap_client.sync import in_parallel
from mizzap_client.waiting import listening, until_processed

_ADD_AT_MOST = 500
_MARK_AT_MOST = 500
_PIN_AT_MOST = 20
_REMOVE_AT_MOST = 100
_AT_ONCE = 4
Names = dict[tuple[str, str], int]
"""Photo ids on the server by (SHA-256, file name)."""


@dataclass
class Imported:
    """What became of the export's parts."""

    photos: int = 0
    """Of the export, that are on the server now with the same SHA-256 under the same name."""
    sent: int = 0
    """Originals that had to travel."""
    favourites: int = 0
    albums: int = 0
    decisions: int = 0
    wishes: int = 0
    problems: list[str] = field(default_factory=list)
    """A sentence for each thing that could not be brought in."""


async def import_archive(
    client: AsyncClient, path: Path, on_photo: Callable[[int, int], None] = lambda *_: None
) -> Imported:
    """``on_photo`` hears (photos done, photos in all). Raises NotAnExport, OSError, and as ``AsyncClient`` does."""
    with Archive(path) as archive:
        run = _Run(client, archive, on_photo)
        await run.photos()
        await run.verify()
        await run.favourites()
        await run.albums()
        await run.processed()
        await run.decisions()
        await run.wishes()
        return run.done


class _Run:
    def __init__(self, client: AsyncClient, archive: Archive, on_photo: Callable[[int, int], None]) -> None:
        self.client = client
        self.archive = archive
        self.on_photo = on_photo
        self.done = Imported()
        # all of it is read before anything is sent
        self.exported = archive.photos()
        self.exported_albums = archive.albums()
        self.decided = archive.decisions()
        self.wished = archive.wishes()
        self.there: Names = {}
        self.stored: set[str] = set()
        """Contents that the server had before."""
        self.brought = 0

    async def photos(self) -> None:
        by_content: dict[str, list[ExportedPhoto]] = {}
        for photo in self.exported:
            by_content.setdefault(photo.sha256, []).append(photo)
        await self._look(by_content)
        await in_parallel(list(by_content.values()), self._bring, _AT_ONCE)

    async def _look(self, hashes: Iterable[str]) -> None:
        asked = list(hashes)
        for start in range(0, len(asked), PRECHECK_AT_MOST):
            for known in (await self.client.precheck(asked[start : start + PRECHECK_AT_MOST])).values():
                self.stored.add(known.sha256)
                for name, photo_id in zip(known.file_names, known.photo_ids, strict=True):
                    self.there[known.sha256, name] = photo_id

    async def _bring(self, same: list[ExportedPhoto]) -> None:
        """The photos of one content: its bytes travel once, further names of theirs only name them."""
        stored = same[0].sha256 in self.stored
        for photo in same:
            if (photo.sha256, photo.file_name) not in self.there:
                try:
                    stored = (await self._adopt(photo) if stored else await self._send(photo)) or stored
                except ApiError as error:
                    self.done.problems.append(f"{photo.file_name}: {error.message}")
                except Damaged as error:
                    self.done.problems.append(f"{photo.file_name}: {error}")
                except Interrupted as error:
                    # raises when it is the server that is away, and not this photo that breaks the line
                    await self.client.me()
                    self.done.problems.append(f"{photo.file_name}: {error}")
            self.brought += 1
            self.on_photo(self.brought, len(self.exported))

    async def _adopt(self, photo: ExportedPhoto) -> bool:
        try:
            await self.client.adopt(photo.file_name, photo.sha256)
        except NotFound:  # deleted in the meantime
            return await self._send(photo)
        return True

    async def _send(self, photo: ExportedPhoto) -> bool:
        """Whether the server has the bytes now."""
        if not self.archive.has_original(photo.sha256):
            self.done.problems.append(f"{photo.file_name}: its original is not in the export.")
            return False
        with tempfile.TemporaryDirectory(prefix="mizzap-") as folder:
            path, size = await asyncio.to_thread(self.archive.extract, photo.sha256, Path(folder))
            await self.client.upload(path, photo.file_name, photo.sha256, size)
        self.done.sent += 1
        return True

    async def verify(self) -> None:
        """The server's own word about what it has, and not what it answered to the uploads."""
        self.there = {(photo.sha256, photo.file_name): photo.id async for photo in self.client.photos()}
        for photo in self.exported:
            if (photo.sha256, photo.file_name) in self.there:
                self.done.photos += 1
            elif not any(problem.startswith(f"{photo.file_name}: ") for problem in self.done.problems):
                self.done.problems.append(f"{photo.file_name}: the server does not have it.")

    @property
    def ids(self) -> Mapping[int, int]:
        """From the export's photo ids to the server's."""
        return {
            photo.id: self.there[photo.sha256, photo.file_name]
            for photo in self.exported
            if (photo.sha256, photo.file_name) in self.there
        }

    async def favourites(self) -> None:
        ids = self.ids
        marked = [ids[photo.id] for photo in self.exported if photo.is_favourite and photo.id in ids]
        for start in range(0, len(marked), _MARK_AT_MOST):
            chunk = marked[start : start + _MARK_AT_MOST]
            try:
                body = schemas.BatchBody(action="favourite", photo_ids=chunk)
                await self.client.ask(operations.act_on_photos(body))
            except ApiError as error:
                self.done.problems.append(f"Favourites: {error.message}")
            else:
                self.done.favourites += len(chunk)

    # --- albums ---------------------------------------------------------------------------------------------------

    async def albums(self) -> None:
        ids = self.ids
        free = [await self._album(number) async for number in self._album_ids()]
        for album in self.exported_albums:
            wanted = [ids[photo_id] for photo_id in album.photo_ids if photo_id in ids]
            mine = next((there for there in free if _may_be(there, album, wanted)), None)
            if mine is None:
                mine = await self._create(album)
            else:
                free.remove(mine)
            try:
                await self._fill(mine, album, wanted, ids)
            except ApiError as error:
                self.done.problems.append(f"Album {album.name}: {error.message}")
            else:
                self.done.albums += 1

    async def _album_ids(self) -> AsyncIterator[int]:
        """The user's own: what relatives share may have the same name, and what is private has no place in it."""
        async for album in self.client.all(operations.list_albums(limit=100)):
            if album.role == "owner":
                yield album.id

    async def _album(self, album_id: int) -> ExportedAlbum:
        found = (await self.client.ask(operations.get_album(album_id))).data
        return ExportedAlbum(**dict(found))

    async def _create(self, album: ExportedAlbum) -> ExportedAlbum:
        body = schemas.CreateAlbumBody(name=album.name, description=album.description)
        made = (await self.client.ask(operations.create_album(body))).data
        return ExportedAlbum(**dict(made), photo_ids=[])

    async def _fill(self, mine: ExportedAlbum, album: ExportedAlbum, wanted: list[int], ids: Mapping[int, int]) -> None:
        missing = wanted[len(mine.photo_ids) :]
        for start in range(0, len(missing), _ADD_AT_MOST):
            chunk = missing[start : start + _ADD_AT_MOST]
            await self.client.ask(operations.add_to_album(mine.id, schemas.AddToAlbumBody(photo_ids=chunk)))
        cover = ids.get(album.cover_photo_id or 0)
        if cover is not None and cover != mine.cover_photo_id and wanted and cover != wanted[0]:
            await self.client.ask(operations.update_album(mine.id, schemas.UpdateAlbumBody(cover_photo_id=cover)))

    # --- what needs the photos processed ----------------------------------------------------------------------------

    async def processed(self) -> None:
        """Pairs and scores are there only then."""
        if self.decided or self.wished:
            async with listening(self.client) as listener:
                await until_processed(self.client, listener, lambda *_: None)

    async def decisions(self) -> None:
        if not self.decided:
            return
        ids = self.ids
        pairs = {
            frozenset((pair.primary_photo_id, pair.duplicate_photo_id)): pair async for pair in self.client.duplicates()
        }
        lost = 0
        for decision in self.decided:
            two = frozenset(ids.get(i, 0) for i in (decision.primary_photo_id, decision.duplicate_photo_id))
            if (pair := pairs.get(two)) is None:
                lost += 1
                continue
            if pair.action != decision.action:
                body = schemas.ActionBody(action=decision.action)
                await self.client.ask(operations.act_on_duplicate(pair.id, body))
            self.done.decisions += 1
        if lost:
            self.done.problems.append(f"{lost} decisions are about pairs that the server did not find again.")

    async def wishes(self) -> None:
        ids = self.ids
        for wish, at_most in (("removed", _REMOVE_AT_MOST), ("pinned", _PIN_AT_MOST)):
            photos = [ids[wished.photo_id] for wished in self.wished if wished.wish == wish and wished.photo_id in ids]
            for start in range(0, len(photos), at_most):
                await self._wish(wish, photos[start : start + at_most])

    async def _wish(self, wish: str, photos: list[int]) -> None:
        part = {"add": photos} if wish == "pinned" else {"remove": photos}
        try:
            await self.client.ask(operations.change_moments(schemas.ChangeMomentsBody(**part)))
        except ApiError as error:
            self.done.problems.append(f"Best moments: {error.message}")
        else:
            self.done.wishes += len(photos)


def _may_be(there: ExportedAlbum, album: ExportedAlbum, wanted: list[int]) -> bool:
    """Whether an album on the server is this one, whole or begun."""
    same_words = (there.name, there.description) == (album.name, album.description)
    return same_words and wanted[: len(there.photo_ids)] == there.photo_ids
