"""Export: the pages that every service hands its data out in, and what a user sees of an export."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from mizzap_common import sizes
from mizzap_common.contracts.library import UserRequest
from mizzap_common.contracts.message import Message, Request

PAGE_BYTES = 800_000
"""Size of the items of a page at most, in JSON: an answer over the broker can have 1 MiB."""
ExportId = Annotated[int, Field(ge=1, le=2**63 - 1)]
ExportStatus = Literal["queued", "building", "ready", "failed", "expired"]


class ExportPageRequest(UserRequest):
    """``cursor`` is the last page's ``next_cursor``, or None for the first page."""

    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}:[0-9]{1,19}$")] | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Which of the service's files, and after which of its items: numbers that mean something to it alone."""
        part, after = (self.cursor or "0:0").split(":")
        return int(part), int(after)


class ExportPage(Message):
    """Items of one file of the export; a service hands out its files one after another.

    A file ``….jsonl`` has an item a line, ``….json`` is a list of its items.
    """

    file: str
    items: list[dict[str, Any]]
    next_cursor: str | None
    """None on the last page."""


class ExportRequest(UserRequest):
    export_id: ExportId


class Export(Message):
    id: int
    status: ExportStatus
    photos_done: int
    photos_total: int
    bytes_done: int
    """Of the originals, while it is being built; at the end the file's size."""
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    """When the file is removed."""
    error: str | None
    download_url: str | None
    """Good for a day, without a token; ask again for a fresh one."""


class Exports(Message):
    exports: list[Export]


class OpenExport(Request):
    """Who has the link may have the file."""

    export_id: ExportId
    token: str = Field(min_length=1, max_length=512)


def fitting(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the items, from the first on, as fit into a page; one at least."""
    return sizes.fitting(items, lambda item: len(json.dumps(item, ensure_ascii=False).encode()) + 1, PAGE_BYTES)
