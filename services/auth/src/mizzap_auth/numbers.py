"""The mark: a number above all that the database may ever have given out, kept outside of it.

Other services keep our ids, and of two changes the higher number. A restored backup would give numbers out again that
mean somebody else there, and changes that nobody hears. So no sequence of the database gives a number above the mark,
which lies in the object store and only rises, and each start of the service begins behind it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mizzap_common.db import Database
from mizzap_common.storage import Storage
from prometheus_client import Gauge
from sqlalchemy import BigInteger, column, func, select, table, text

BLOCK = 100_000
"""So far the mark is ahead. A start gives up what is left of it; 2^53, what a browser can count to, is no worry."""
SEQUENCES = (
    "users_id_seq", "sessions_id_seq", "families_id_seq", "consents_id_seq", "exports_id_seq", "change_numbers",
)  # fmt: skip
"""What others remember numbers of."""
_LOCK = 7_700_020
_PREFIX = "ledger/marks/"

_LEFT = Gauge("mizzap_numbers_left", "Ids that may be given out before the store must be reached again")


@dataclass(frozen=True)
class Stand:
    """Where a sequence is, and where it ends."""

    last: int
    end: int


class Numbers:
    """Several processes may do all of this at the same time."""

    def __init__(self, database: Database, storage: Storage, block: int = BLOCK) -> None:
        self.database = database
        self.storage = storage
        self.block = block

    async def begin(self, above: int = 0) -> None:
        """From here on every number is a new one, and greater than ``above``, whatever backup this database is from.

        To be done before anybody is answered. Raises what the store and the database raise.
        """
        async with self._alone():
            given = max(await self._mark(), above)
            await self._raise(given, behind=given)

    async def look(self) -> None:
        """Raises the mark when half of a block is used up. Raises what the store and the database raise."""
        if await self._left() < self.block // 2:
            async with self._alone():
                if await self._left() < self.block // 2:
                    await self._raise(await self._mark(), behind=0)
        _LEFT.set(await self._left())

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        async with self.database.begin() as session:
            await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            yield

    async def _left(self) -> int:
        return min(stand.end - stand.last for stand in await self._stands())

    async def _stands(self) -> list[Stand]:
        statement = text(
            "SELECT coalesce(last_value, 0), max_value FROM pg_sequences"
            " WHERE schemaname = current_schema() AND sequencename = ANY(:names)"
        )
        async with self.database.begin() as session:
            return [Stand(*row) for row in await session.execute(statement, {"names": list(SEQUENCES)})]

    async def _mark(self) -> int:
        """0 when there is none yet."""
        return max(await self._marks(), default=0)

    async def _marks(self) -> list[int]:
        """The mark, and lower ones that nobody has removed yet."""
        names = [found.key.removeprefix(_PREFIX) for found in await self.storage.list(_PREFIX)]
        return [int(name) for name in names if name.isdecimal()]

    async def _raise(self, given: int, behind: int) -> None:
        mark = max(given, *(stand.last for stand in await self._stands())) + self.block
        # the store first: a mark that nothing comes up to does no harm. Each is an object of its own, as a late writer
        # of a single one could lower it
        await self.storage.put(f"{_PREFIX}{mark}", b"", "application/octet-stream")
        for name in SEQUENCES:
            await self._let_run(name, behind, mark)
        await self.storage.remove(*(f"{_PREFIX}{old}" for old in await self._marks() if old < mark))

    async def _let_run(self, name: str, behind: int, mark: int) -> None:
        """A transaction for each: who gives numbers of several must not wait for us while we wait for them."""
        async with self.database.begin() as session:
            # nobody takes a number of it between here and the commit
            await session.execute(text(f"ALTER SEQUENCE {name} MAXVALUE {mark}"))
            last = select(column("last_value", BigInteger)).select_from(table(name))
            if (await session.execute(last)).scalar_one() <= behind:
                leap = text("SELECT setval(CAST(:name AS regclass), :behind)")
                await session.execute(leap, {"name": name, "behind": behind})
