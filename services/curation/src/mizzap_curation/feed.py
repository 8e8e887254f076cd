"""The change feed of the moments and of the orders: what is another one since a reader last looked."""

from collections.abc import Sequence

from mizzap_common import changes
from mizzap_common.changes import Changed
from mizzap_common.contracts import feed
from mizzap_common.contracts.message import Message
from mizzap_common.db import Database
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_curation import orders_repository, repository, sets_repository
from mizzap_curation.orders import to_answers
from mizzap_curation.service import to_answer


class Feed:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def changes(self, request: feed.ChangesRequest) -> feed.ChangesPage:
        async with self.database.begin() as session:
            found = await changes.since(session, request)
            seen = await _seen(session, request.user_id, found.changes[: request.limit])
        return changes.page(request, found, seen)


async def _seen(session: AsyncSession, user_id: int, found: Sequence[Changed]) -> dict[tuple[str, int], Message]:
    """The things that are there still, by kind and id. A user has one set of moments at most."""
    seen: dict[tuple[str, int], Message] = {}
    if any(changed.kind == repository.KIND for changed in found):
        shown = await to_answer(session, await sets_repository.find_set(session, user_id))
        if shown.id is not None:
            seen[repository.KIND, shown.id] = shown
    ordered = [changed.thing_id for changed in found if changed.kind == orders_repository.KIND]
    rows = await orders_repository.by_id(session, user_id, ordered)
    seen |= {(orders_repository.KIND, order.id): order for order in await to_answers(session, user_id, rows)}
    return seen
