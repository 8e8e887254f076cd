"""A service with a known-bad design, for the chaos test to catch: ``mutant_service.py SERVICE``.

It publishes after the commit instead of through the outbox: what dies in between is never told.
"""

import importlib
import runpy
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from mizzap_common import outbox
from mizzap_common.bus import Bus
from mizzap_common.contracts.catalog import Event, P
from mizzap_common.db import Database
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncSession

_begin = Database.begin
_connect = Bus.connect
_buses: list[Bus] = []


async def _add(session: AsyncSession, event: Event[P], payload: P) -> None:
    session.info.setdefault("to_tell", []).append((event, payload))


@asynccontextmanager
async def _begin_and_tell(self: Database) -> AsyncIterator[AsyncSession]:
    async with _begin(self) as session:
        yield session
    for event, payload in session.info.pop("to_tell", []):
        await _buses[0].jetstream.publish(
            event.subject, payload.to_json(), stream=event.stream, headers={"ce-id": str(uuid4())}, timeout=2
        )


async def _connect_and_remember(self: Bus) -> Client:
    client = await _connect(self)
    _buses.append(self)
    return client


if __name__ == "__main__":
    service, *arguments = sys.argv[1:]
    outbox.add = _add  # type: ignore[assignment]
    Database.begin = _begin_and_tell  # type: ignore[method-assign]
    Bus.connect = _connect_and_remember  # type: ignore[method-assign]
    importlib.import_module(f"mizzap_{service}")
    sys.argv = [f"mizzap_{service}", *arguments]
    runpy.run_module(f"mizzap_{service}", run_name="__main__")
