"""What the photos service has of a user, for an export: every photo as the API shows it."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import exporting, requests
from mizzap_common.db import Database

from mizzap_photos import export_repository
from mizzap_photos.service import to_answer

_ROWS = 500


def serve(bus: Bus, database: Database) -> None:
    async def page(request: exporting.ExportPageRequest) -> exporting.ExportPage:
        _, after = request.place
        async with database.begin() as session:
            rows = await export_repository.photos_after(session, request.user_id, after, _ROWS)
        items = exporting.fitting(to_answer(row).model_dump(mode="json", by_alias=True) for row in rows)
        last = len(items) == len(rows) < _ROWS
        return exporting.ExportPage(
            file="photos.jsonl", items=items, next_cursor=None if last else f"0:{items[-1]['id']}"
        )

    bus.answer(requests.PHOTOS_EXPORT, page)
