"""The albums' part of the change feed."""

from collections.abc import Iterator, Sequence
from typing import Any

from mizzap_common import changes
from mizzap_common.changes import Changed
from mizzap_common.contracts import feed
from mizzap_common.db import Database

from mizzap_albums import repository, telling
from mizzap_albums.repository import Overview

_ANSWER_BYTES = 512 * 1024
"""How much of what changed goes into one answer: the broker takes 1 MiB."""


class Feed:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def changes(self, request: feed.ChangesRequest) -> feed.ChangesPage:
        """An album is shown as in the list, without its photos' ids: of those there may be very many."""
        async with self.database.begin() as session:
            # one more than asked for, to know whether there are more
            found = await changes.since(session, request.user_id, request.after, request.limit + 1)
            there = [changed.thing_id for changed in found if changed.change != "deleted"]
            seen = await repository.overviews(session, request.user_id, there)
        page = list(_fitting(found[: request.limit], seen))
        last = page[-1].seq if page else request.after
        return feed.ChangesPage(changes=page, last=last, more=len(page) < len(found))


def _fitting(found: Sequence[Changed], seen: dict[int, Overview]) -> Iterator[feed.Change]:
    size = 0
    for changed in found:
        data: dict[str, Any] | None = None
        if changed.change != "deleted" and changed.thing_id in seen:
            album = telling.to_answer(seen[changed.thing_id])
            size += len(album.to_json())
            data = album.model_dump(mode="json", by_alias=True)
        if size > _ANSWER_BYTES:
            return
        yield feed.Change(
            seq=changed.seq, kind=changed.kind, id=changed.thing_id, change=changed.change, at=changed.at, data=data
        )
