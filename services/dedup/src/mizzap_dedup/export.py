"""What the dedup service has of a user, for an export: the pairs, and what the user said of them.

Hashes and vectors are not in it: they are made of the photos, and made again from them.
"""

from mizzap_common.bus import Bus
from mizzap_common.contracts import exporting, requests
from mizzap_common.db import Database

from mizzap_dedup import export_repository
from mizzap_dedup.service import to_answer

_ROWS = 500


def serve(bus: Bus, database: Database) -> None:
    async def page(request: exporting.ExportPageRequest) -> exporting.ExportPage:
        _, after = request.place
        async with database.begin() as session:
            rows = await export_repository.duplicates_after(session, request.user_id, after, _ROWS)
        items = exporting.fitting(to_answer(row).model_dump(mode="json", by_alias=True) for row in rows)
        last = len(items) == len(rows) < _ROWS
        return exporting.ExportPage(
            file="duplicates.jsonl", items=items, next_cursor=None if last else f"0:{items[-1]['id']}"
        )

    bus.answer(requests.DEDUP_EXPORT, page)
