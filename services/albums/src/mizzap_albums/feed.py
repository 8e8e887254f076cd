"""The albums' part of the change feed."""

from mizzap_common import changes
from mizzap_common.contracts import feed
from mizzap_common.db import Database

from mizzap_albums import repository, telling


class Feed:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def changes(self, request: feed.ChangesRequest) -> feed.ChangesPage:
        """An album is shown as in the list, without its photos' ids: of those there may be very many."""
        async with self.database.begin() as session:
            found = await changes.since(session, request)
            there = [changed.thing_id for changed in found.changes if changed.change != "deleted"]
            overviews = await repository.overviews(session, request.user_id, there)
        seen = {
            (changed.kind, changed.thing_id): telling.to_answer(overviews[changed.thing_id])
            for changed in found.changes
            if changed.thing_id in overviews
        }
        return changes.page(request, found, seen)
