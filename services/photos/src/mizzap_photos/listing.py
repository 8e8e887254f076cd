"""The list of a user's photos: any order, page by page or by cursor.

By cursor a page costs the same however deep it lies: each order has an index, and a page begins in it where the one
before ended. NULLs come last in both directions, so a list is two stretches of the index, one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from mizzap_common import cursors
from mizzap_common.contracts import library
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing
from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from mizzap_photos import search
from mizzap_photos.models import PhotoRow
from mizzap_photos.service import to_answer

_SORT: dict[library.SortField, Any] = {
    "createdDate": col(PhotoRow.created_date),
    "uploadedAt": col(PhotoRow.uploaded_at),
    "fileName": col(PhotoRow.file_name),
    "fileSize": col(PhotoRow.file_size),
    "qualityScore": col(PhotoRow.quality_score),
    "id": col(PhotoRow.id),
}
_TIMES = ("createdDate", "uploadedAt")
_NOT_FILTERS = {"page", "limit", "cursor", "album_photo_ids"}


@dataclass(frozen=True)
class _Position:
    """The last row of a page: its sort value, None where it has none, and its id."""

    value: Any
    photo_id: int


class Listing:
    def __init__(self, database: Database, ring: KeyRing) -> None:
        self.database = database
        self.ring = ring

    async def page(self, request: library.ListPhotos) -> library.PhotoPage:
        """Raises InvalidCursor, and InvalidInput as `search.chosen` does."""
        after = self._read(request) if request.cursor is not None else None
        order = _Order(request, search.chosen(self.ring, request))
        async with self.database.begin() as session:
            if after is not None:
                rows, total = await order.after(session, after, request.limit + 1), None
            else:
                rows, total = await order.page(session, request.page, request.limit + 1)
        shown = rows[: request.limit]
        return library.PhotoPage(
            photos=[to_answer(self.ring, row) for row in shown],
            total=total,
            next_cursor=self._write(request, shown[-1]) if len(rows) > request.limit else None,
        )

    def _write(self, request: library.ListPhotos, last: PhotoRow) -> str:
        value = getattr(last, _SORT[request.sort_by].key)
        return cursors.write(
            self.ring, [value.isoformat() if isinstance(value, datetime) else value, last.id], _bound_to(request)
        )

    def _read(self, request: library.ListPhotos) -> _Position:
        value, photo_id = cursors.read(self.ring, cast(str, request.cursor), _bound_to(request))
        if value is not None and request.sort_by in _TIMES:
            value = cast(Any, datetime.fromisoformat(cast(str, value)))
        return _Position(value, cast(int, photo_id))


def _bound_to(request: library.ListPhotos) -> str:
    """Whose list it is, in which order, of which photos."""
    return f"photos/{request.model_dump_json(exclude=_NOT_FILTERS)}"


class _Order:
    """The chosen rows in the asked order. Every statement is one stretch of one index."""

    def __init__(self, request: library.ListPhotos, chosen: Sequence[ColumnElement[bool]]) -> None:
        self.field = _SORT[request.sort_by]
        self.chosen = chosen
        self.descending = request.sort_order == "desc"
        self.may_be_null = request.sort_by in ("createdDate", "qualityScore")

    async def page(self, session: AsyncSession, number: int, count: int) -> tuple[Sequence[PhotoRow], int]:
        """The rows of a page and one more, and how many there are in all."""
        offset = (number - 1) * (count - 1)
        totals = select(func.count(), func.count(self.field)).select_from(PhotoRow).where(*self.chosen)
        total, valued = (await session.execute(totals)).one()
        rows = await _rows(session, self._valued().offset(offset).limit(count)) if offset < valued else []
        if len(rows) < count and total > valued:
            rest = self._valueless().offset(max(0, offset - valued)).limit(count - len(rows))
            rows = [*rows, *await _rows(session, rest)]
        return rows, total

    async def after(self, session: AsyncSession, last: _Position, count: int) -> Sequence[PhotoRow]:
        rows: Sequence[PhotoRow] = []
        if last.value is not None:
            beyond = self._beyond(tuple_(self.field, col(PhotoRow.id)), (last.value, last.photo_id))
            rows = await _rows(session, self._valued().where(beyond).limit(count))
        if len(rows) == count or not self.may_be_null:
            return rows
        rest = self._valueless().limit(count - len(rows))
        if last.value is None:
            rest = rest.where(self._beyond(col(PhotoRow.id), last.photo_id))
        return [*rows, *await _rows(session, rest)]

    def _beyond(self, key: Any, position: Any) -> ColumnElement[bool]:
        return cast("ColumnElement[bool]", key < position if self.descending else key > position)

    def _valued(self) -> Select[PhotoRow]:
        return self._sorted(*([self.field.is_not(None)] if self.may_be_null else []))

    def _valueless(self) -> Select[PhotoRow]:
        return self._sorted(self.field.is_(None))

    def _sorted(self, *conditions: ColumnElement[bool]) -> Select[PhotoRow]:
        # by the field even where it is NULL throughout: PostgreSQL knows the index by its whole order
        keys = (self.field, col(PhotoRow.id))
        order = (key.desc() if self.descending else key.asc() for key in keys)
        return select(PhotoRow).where(*self.chosen, *conditions).order_by(*order)


async def _rows(session: AsyncSession, statement: Select[PhotoRow]) -> Sequence[PhotoRow]:
    return (await session.scalars(statement)).all()
