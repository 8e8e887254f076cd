"""The change feed of duplicates: which pairs came, changed or went, since a reader last looked."""

from mizzap_common import changes
from mizzap_common.contracts import feed
from mizzap_common.db import Database

from mizzap_dedup import repository
from mizzap_dedup.service import to_answer


class Feed:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def changes(self, request: feed.ChangesRequest) -> feed.ChangesPage:
        async with self.database.begin() as session:
            found = await changes.since(session, request)
            shown = found.changes[: request.limit]
            there = [change.thing_id for change in shown if change.change != "deleted"]
            pairs = {
                row.id: to_answer(row).model_dump(mode="json", by_alias=True)
                for row in await repository.pairs_by_id(session, request.user_id, there)
            }
        told = [
            feed.Change(
                seq=change.seq,
                kind=change.kind,
                id=change.thing_id,
                # also when one of the photos is in the trash
                change=change.change if change.thing_id in pairs else "deleted",
                at=change.at,
                data=pairs.get(change.thing_id),
            )
            for change in shown
        ]
        return feed.ChangesPage(
            changes=told,
            last=told[-1].seq if told else request.after,
            epoch=found.epoch,
            more=len(found.changes) > len(shown),
        )
