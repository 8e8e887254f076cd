"""The change feed of the moments: whether a user's set is another one since a reader last looked."""

from mizzap_common import changes
from mizzap_common.contracts import feed
from mizzap_common.db import Database

from mizzap_curation import sets_repository
from mizzap_curation.service import to_answer


class Feed:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def changes(self, request: feed.ChangesRequest) -> feed.ChangesPage:
        """A user has one set, so there is one change at most."""
        async with self.database.begin() as session:
            found = await changes.since(session, request.user_id, request.after, request.limit)
            shown = (
                await to_answer(session, await sets_repository.find_set(session, request.user_id)) if found else None
            )
        told = [
            feed.Change(
                seq=change.seq,
                kind=change.kind,
                id=change.thing_id,
                change=change.change,
                at=change.at,
                data=shown.model_dump(mode="json", by_alias=True) if shown and shown.id == change.thing_id else None,
            )
            for change in found
        ]
        return feed.ChangesPage(changes=told, last=told[-1].seq if told else request.after, more=False)
