"""A service's database: transactions, and the one transaction that turns an event into its effect."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Set
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from mizzap_common import changes, inbox, tombstones
from mizzap_common.inbox import Delivery, UserErased

DATABASE_ERRORS = (DBAPIError, PoolTimeout)
"""Whatever the driver raises, and the wait for a connection that took too long: what a loop outlives."""
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
"""What is raised while the database is away or busy. Its other errors are mistakes of ours, and no reason to try again."""


class Database:
    """The database that one service owns, reached with that service's own role.

    ``url`` is ``postgresql+psycopg://role:password@host:port/name``.
    """

    def __init__(self, url: str, pool: int = 8) -> None:
        self.engine = create_async_engine(
            url,
            pool_size=pool,
            max_overflow=pool,
            pool_pre_ping=True,
            # a statement's values are file names, places and addresses: no error, and so no log, may hold them
            hide_parameters=True,
            connect_args={"connect_timeout": 5},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self.outbox_filled = asyncio.Event()
        """Set whenever a commit left something in the outbox, so that the relay need not wait for its next look."""

        self.on_changed: Callable[[Set[int]], Awaitable[None]] | None = None
        """Hears of which users something was changed, behind each commit and before the block is left."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back when it raises. Nobody else commits."""
        async with self._sessions() as session:
            async with session.begin():
                yield session
                await changes.write(session)
            if session.info.pop("outbox", False):
                self.outbox_filled.set()
            if (touched := session.info.pop("touched", None)) and self.on_changed:
                await self.on_changed(touched)

    @asynccontextmanager
    async def effect(self, delivery: Delivery) -> AsyncIterator[AsyncSession]:
        """The transaction of an event's effect: claims the event in the inbox first.

        Events added to the outbox in the block are remembered as caused by this one.
        Raises AlreadyHandled, for the bus to catch, when the effect has been committed before; its kind UserErased
        when the event's user is gone. Nothing of an erased user's can be written behind the erasure's back.
        """
        async with self.begin() as session:
            await inbox.claim(session, delivery)
            if delivery.user_id is not None and await tombstones.is_user_buried(session, delivery.user_id):
                raise UserErased
            session.info["cause"] = delivery.event_id
            yield session

    async def ping(self) -> None:
        """Raises what the driver raises when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()
