"""Erasures without a running service: on a database of their own, and on a clock that is turned."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from mizzap_auth.erasures import PARTICIPANTS, Erasures
from mizzap_auth.ledger import Ledger
from mizzap_auth.passwords import Passwords
from mizzap_auth.settings import AuthSettings
from mizzap_common import migrations, testing
from mizzap_common.contracts import erasing, events
from mizzap_common.db import Database
from mizzap_common.inbox import Delivery
from mizzap_common.storage import Storage
from mizzap_common.tables import OUTBOX
from sqlalchemy import select, text, update

PASSWORD = "correct horse"


class Inside:
    """Erasures on a database of their own; ``now`` is the clock."""

    def __init__(self, database: Database, storage: Storage, passwords: Passwords, settings: AuthSettings) -> None:
        self.database = database
        self.storage = storage
        self.passwords = passwords
        self.settings = settings
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.ledger, self.erasures = self.started()

    def started(self) -> tuple[Ledger, Erasures]:
        """A process that has just been started, and knows nothing."""
        ledger = Ledger(self.storage)
        return ledger, Erasures(self.database, self.passwords, ledger, self.settings, lambda: self.now)

    async def user(self) -> int:
        password_hash = await self.passwords.hash(PASSWORD)
        async with self.database.begin() as session:
            made = await session.execute(
                text(
                    "INSERT INTO users (email, email_index, password_hash, country, privacy_accepted)"
                    " VALUES ('a', gen_random_uuid()::text::bytea, :hash, 'FR', true) RETURNING id"
                ),
                {"hash": password_hash},
            )
            return int(made.scalar_one())

    async def close(self, user_id: int) -> str:
        question = erasing.CloseAccount(user_id=user_id, password=PASSWORD)  # type: ignore[arg-type]
        return (await self.erasures.close_account(question)).erasure_id

    async def asked(self, user_id: int) -> list[events.UserErasureRequested]:
        """What services would hear, told by a relay that publishes nothing."""
        async with self.database.begin() as session:
            subject = OUTBOX.c.subject == "user.erasure_requested"
            found = await session.scalars(select(OUTBOX.c.payload).where(subject).order_by(OUTBOX.c.seq))
            requests_ = [events.UserErasureRequested.model_validate_json(payload) for payload in found]
            await session.execute(update(OUTBOX).values(published_at=text("now()")))
        return [request for request in requests_ if request.user_id == user_id]

    async def answer(self, request: events.UserErasureRequested, *services: str) -> None:
        receipt = events.ErasureReceipt(
            user_id=request.user_id, erasure_id=request.erasure_id, asked=request.asked, rows=0, objects=0
        )
        for service in services or PARTICIPANTS:
            await self.erasures.receipt_of(service)(receipt, Delivery(service, uuid4()))

    async def entry(self, user_id: int) -> dict[str, Any]:
        return dict(json.loads(await self.storage.get(f"ledger/erasures/{user_id}.json")))

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.begin() as session:
            result = await session.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
async def inside(
    nats_url: str, make_database: Callable[[str], str], s3_settings: testing.Store, write_key: Callable[..., Any]
) -> AsyncIterator[Inside]:
    url, key = make_database("erasures"), write_key()
    await asyncio.to_thread(migrations.upgrade, "mizzap_auth", url)
    settings = testing.settings_for(AuthSettings, nats_url, s3_settings, url, signing_key_file=key, key_ring_file=key)
    database, storage, passwords = Database(url), Storage(settings), Passwords()
    await storage.remove_under("ledger/")
    yield Inside(database, storage, passwords, settings)
    await storage.remove_under("ledger/")
    await passwords.stop()
    await database.close()
