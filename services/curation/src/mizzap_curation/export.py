"""What the curation service has of a user, for an export: the best moments, what the user wished for, and orders."""

from collections.abc import Awaitable, Callable

from mizzap_common.bus import Bus
from mizzap_common.contracts import exporting, library, requests
from mizzap_common.contracts.exporting import ExportPage, ExportPageRequest
from mizzap_common.db import Database

from mizzap_curation import orders_repository, repository
from mizzap_curation.orders import to_answers
from mizzap_curation.service import Curation

_WISHES = 5000
"""A wish is about 60 bytes."""
_ORDERS = 100


def serve(bus: Bus, database: Database, curation: Curation) -> None:
    export = _Export(database, curation)
    parts: tuple[Callable[[int, int], Awaitable[ExportPage]], ...] = (export.moments, export.wishes, export.orders)

    async def page(request: ExportPageRequest) -> ExportPage:
        part, after = request.place
        part = min(part, len(parts) - 1)
        found = await parts[part](request.user_id, after)
        if found.next_cursor is None and part + 1 < len(parts):
            return found.model_copy(update={"next_cursor": f"{part + 1}:0"})
        return found

    bus.answer(requests.CURATION_EXPORT, page)


class _Export:
    """Each part: its page for (user id, after which number); ``next_cursor`` is None when it is its last."""

    def __init__(self, database: Database, curation: Curation) -> None:
        self.database = database
        self.curation = curation

    async def moments(self, user_id: int, _: int) -> ExportPage:
        shown = await self.curation.present(library.UserRequest(user_id=user_id))
        items = [shown.model_dump(mode="json", by_alias=True)]
        return ExportPage(file="moments.json", items=items, next_cursor=None)

    async def wishes(self, user_id: int, after: int) -> ExportPage:
        async with self.database.begin() as session:
            choices = sorted(await repository.choices(session, user_id), key=lambda choice: choice.photo_id)
        left = [choice for choice in choices if choice.photo_id > after]
        wishes = [{"photoId": c.photo_id, "wish": c.wish, "position": c.position} for c in left[:_WISHES]]
        cursor = f"1:{wishes[-1]['photoId']}" if len(left) > _WISHES else None
        return ExportPage(file="wishes.jsonl", items=wishes, next_cursor=cursor)

    async def orders(self, user_id: int, after: int) -> ExportPage:
        async with self.database.begin() as session:
            rows = await orders_repository.after(session, user_id, after, _ORDERS)
            shown = await to_answers(session, user_id, rows)
        items = exporting.fitting(order.model_dump(mode="json", by_alias=True) for order in shown)
        last = len(items) == len(rows) < _ORDERS
        return ExportPage(file="orders.jsonl", items=items, next_cursor=None if last else f"2:{items[-1]['id']}")
