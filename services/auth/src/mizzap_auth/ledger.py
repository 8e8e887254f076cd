"""The ledger of erasures: outside of the database, so that a restored backup doesn't bring anybody back.

One small object an erased user, in the object store: ids and times only.
"""

from collections.abc import Collection
from datetime import datetime

from mizzap_common.contracts.message import Message
from mizzap_common.errors import NotFound
from mizzap_common.storage import Storage

_PREFIX = "ledger/erasures/"


class Entry(Message):
    user_id: int
    erasure_id: str
    requested_at: datetime
    completed_at: datetime | None = None


class Ledger:
    """Knows by heart whom it names, from ``load`` on."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._named: set[int] = set()

    def names(self, user_id: int) -> bool:
        return user_id in self._named

    async def enter(self, entry: Entry) -> None:
        """Writes the user's entry, in the place of an earlier one."""
        self._named.add(entry.user_id)
        await self._storage.put(_key(entry.user_id), entry.to_json(), "application/json")

    async def load(self) -> Collection[int]:
        """The ids of everybody in it."""
        for found in await self._storage.list(_PREFIX):
            name = found.key.removeprefix(_PREFIX).removesuffix(".json")
            if name.isdecimal():
                self._named.add(int(name))
        return frozenset(self._named)

    async def entry(self, user_id: int) -> Entry | None:
        try:
            return Entry.model_validate_json(await self._storage.get(_key(user_id)))
        except NotFound:
            return None


def _key(user_id: int) -> str:
    return f"{_PREFIX}{user_id}.json"
