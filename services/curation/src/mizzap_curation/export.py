"""What the curation service has of a user, for an export: the best moments, and what the user wished for."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import exporting, library, requests
from mizzap_common.db import Database

from mizzap_curation import repository
from mizzap_curation.service import Curation

_WISHES = 5000
"""A wish is about 60 bytes."""


def serve(bus: Bus, database: Database, curation: Curation) -> None:
    async def page(request: exporting.ExportPageRequest) -> exporting.ExportPage:
        part, after = request.place
        if part == 0:
            shown = await curation.present(library.UserRequest(user_id=request.user_id))
            items = [shown.model_dump(mode="json", by_alias=True)]
            return exporting.ExportPage(file="moments.json", items=items, next_cursor="1:0")
        async with database.begin() as session:
            choices = sorted(await repository.choices(session, request.user_id), key=lambda choice: choice.photo_id)
        left = [choice for choice in choices if choice.photo_id > after]
        wishes = [{"photoId": c.photo_id, "wish": c.wish, "position": c.position} for c in left[:_WISHES]]
        cursor = f"1:{wishes[-1]['photoId']}" if len(left) > _WISHES else None
        return exporting.ExportPage(file="wishes.jsonl", items=wishes, next_cursor=cursor)

    bus.answer(requests.CURATION_EXPORT, page)
