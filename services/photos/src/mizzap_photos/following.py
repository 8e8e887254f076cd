"""What the photos service tells those who follow the change feed."""

from typing import Any

from mizzap_common import changes
from mizzap_common.contracts import feed
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing

from mizzap_photos import repository
from mizzap_photos.models import PhotoRow
from mizzap_photos.service import to_answer


class Feed:
    def __init__(self, database: Database, ring: KeyRing) -> None:
        self.database = database
        self.ring = ring

    async def changes(self, request: feed.ChangesRequest) -> feed.ChangesPage:
        async with self.database.begin() as session:
            found = await changes.since(session, request)
            page = found.changes[: request.limit]
            ids = [change.thing_id for change in page if change.change != "deleted"]
            rows = {row.id: row for row in await repository.visible_many(session, request.user_id, ids)}
        return feed.ChangesPage(
            changes=[
                feed.Change(
                    seq=change.seq,
                    kind=change.kind,
                    id=change.thing_id,
                    # one that went between the two looks comes as deleted once more; in the meantime it is gone too
                    change=change.change if change.thing_id in rows else "deleted",
                    at=change.at,
                    data=self._data(rows.get(change.thing_id)),
                )
                for change in page
            ],
            last=page[-1].seq if page else request.after,
            epoch=found.epoch,
            more=len(found.changes) > request.limit,
        )

    def _data(self, row: PhotoRow | None) -> dict[str, Any] | None:
        return to_answer(self.ring, row).model_dump(mode="json", by_alias=True) if row is not None else None
