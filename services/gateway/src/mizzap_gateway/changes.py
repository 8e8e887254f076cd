"""The change feed over all services that have one: behind ``GET /changes``, and what a socket begins with."""

from datetime import datetime
from typing import Any, Literal

from mizzap_common import cursors
from mizzap_common.bus import Bus
from mizzap_common.contracts import feed, requests
from mizzap_common.contracts.message import Message
from mizzap_common.contracts.requests import Method

FEEDS: tuple[Method[feed.ChangesRequest, feed.ChangesPage], ...] = (
    requests.PHOTOS_CHANGES,
    requests.ALBUMS_CHANGES,
    requests.DEDUP_CHANGES,
    requests.CURATION_CHANGES,
)
"""In this order, so that what others refer to comes before them: an album or an order after its photos."""


class Change(Message):
    kind: str
    """photo, album, duplicate, moments or order."""
    id: int
    change: Literal["created", "changed", "deleted"]
    """Since the cursor. A reader may hear of a thing again, and of the end of one that it never saw."""
    at: datetime
    data: dict[str, Any] | None
    """The thing as its own GET shows it now; null when it is gone."""


class Changes(Message):
    data: list[Change]
    cursor: str
    """Where to go on, whenever that may be."""
    has_more: bool
    """Ask again at once."""


async def since(bus: Bus, user_id: int, cursor: str | None, limit: int) -> Changes:
    """A page of what is not as it was at the cursor, None being the beginning.

    Raises InvalidInput INVALID_CURSOR, also when a service was restored from a backup since.
    """
    # positions of services that this gateway doesn't know are kept: another replica may know them already
    positions = cursors.read_open(cursor) if cursor is not None else {}
    found: list[Change] = []
    has_more = False
    for method in FEEDS:
        room = limit - len(found)
        if room == 0:
            has_more = True
            break
        epoch = f"{method.service}/epoch"
        question = feed.ChangesRequest(
            user_id=user_id, after=positions.get(method.service, 0), epoch=positions.get(epoch, 0), limit=room
        )
        page = await bus.ask(method, question)
        found += [Change(**change.model_dump(exclude={"seq"})) for change in page.changes]
        positions = {**positions, method.service: page.last, epoch: page.epoch}
        has_more = has_more or page.more
    return Changes(data=found, cursor=cursors.write_open(positions), has_more=has_more)
