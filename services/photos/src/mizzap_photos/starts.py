"""Which steps have begun, as the workers say it: heard one by one, written down together."""

import time
from datetime import datetime, timedelta

from mizzap_common import tasks
from mizzap_common.bus import Bus
from mizzap_common.contracts.steps import Start
from mizzap_common.db import DATABASE_ERRORS, Database
from sqlalchemy import func, select

from mizzap_photos import jobs

_EVERY_SECONDS = 0.5
_PATIENCE_SECONDS = 2.0
"""How long a hint is kept that could not be noted, as somebody held its row or the database was away."""


class Starts:
    def __init__(self, database: Database, bus: Bus) -> None:
        self.database = database
        self.bus = bus
        self._heard: dict[Start, float] = {}

    async def listen(self) -> None:
        await self.bus.hear_started(self.hear)

    def hear(self, start: Start) -> None:
        self._heard[start] = time.monotonic()

    async def run(self) -> None:
        await tasks.repeat(self.write, _EVERY_SECONDS, DATABASE_ERRORS, "steps that begin are still shown as queued")

    async def write(self) -> None:
        """Notes what was heard since the last time."""
        oldest = time.monotonic() - _PATIENCE_SECONDS
        heard = self._heard = {start: at for start, at in self._heard.items() if at > oldest}
        if not heard:
            return
        async with self.database.begin() as session:
            # its clock alone, which all other times of a job are by; asked first, no step begins in the future
            now: datetime = (await session.execute(select(func.now()))).scalar_one()
            here = time.monotonic()
            noted = await jobs.begin(session, {s: now - timedelta(seconds=here - at) for s, at in heard.items()})
        for start in noted:
            heard.pop(start, None)
