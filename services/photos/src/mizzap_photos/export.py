"""What the photos service has of a user, for an export: every photo as the API shows it, those in the trash too."""

from collections.abc import Callable
from typing import Any

from mizzap_common.bus import Bus
from mizzap_common.contracts import exporting, library, requests
from mizzap_common.db import Database

from mizzap_photos import export_repository
from mizzap_photos.models import PhotoRow

_ROWS = 500


def serve(bus: Bus, database: Database, answer: Callable[[PhotoRow], library.Photo]) -> None:
    """``answer`` shows a photo as the others see it."""

    async def page(request: exporting.ExportPageRequest) -> exporting.ExportPage:
        _, after = request.place
        async with database.begin() as session:
            rows = await export_repository.photos_after(session, request.user_id, after, _ROWS)
        items = exporting.fitting(_item(row, answer(row)) for row in rows)
        last = len(items) == len(rows) < _ROWS
        return exporting.ExportPage(
            file="photos.jsonl", items=items, next_cursor=None if last else f"0:{items[-1]['id']}"
        )

    bus.answer(requests.PHOTOS_EXPORT, page)


def _item(row: PhotoRow, shown: library.Photo) -> dict[str, Any]:
    """With ``trashedAt``: None while the photo is not in the trash."""
    trashed = {"trashedAt": row.trashed_at.isoformat() if row.trashed_at else None}
    return shown.model_dump(mode="json", by_alias=True) | trashed
