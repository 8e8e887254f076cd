"""Erasure of accounts: closed at once, gone everywhere when every service has given its receipt, and never back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from mizzap_common import outbox, tombstones
from mizzap_common.clock import Clock, utc_now
from mizzap_common.contracts import catalog, erasing, events
from mizzap_common.db import DATABASE_ERRORS, Database
from mizzap_common.errors import Unauthorized
from mizzap_common.inbox import Delivery
from mizzap_common.storage import STORE_ERRORS
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_auth import erasures_repository as repository
from mizzap_auth.erasures_models import ErasureRow
from mizzap_auth.ledger import Entry, Ledger
from mizzap_auth.passwords import Passwords
from mizzap_auth.settings import AuthSettings

GONE_WITHIN = timedelta(days=30)
"""What we promise."""
PARTICIPANTS = catalog.USER_ERASURE_REQUESTED.consumers

_OPEN = Gauge("mizzap_erasures_open", "Erasures that are not complete")
_LATE = Gauge("mizzap_erasures_late", "Erasures that are not complete after the 30 days that we promise: an alarm")

log = structlog.get_logger(__name__)


Farewell = Callable[[AsyncSession, int], Awaitable[list[int] | None]]
"""What an account leaves behind with others (a session that gateways know, a family) is put right before its rows go,
in the same transaction; the number is the user's. Who ends sessions gives their ids."""


class Erasures:
    """``clock`` is turned by tests."""

    def __init__(
        self,
        database: Database,
        checker: Passwords,
        ledger: Ledger,
        settings: AuthSettings,
        clock: Clock = utc_now,
        farewells: Sequence[Farewell] = (),
    ) -> None:
        self.farewells = farewells
        self.database = database
        self.passwords = checker
        self.ledger = ledger
        self.settings = settings
        self.clock = clock
        self._something_to_do = asyncio.Event()

    async def close_account(self, request: erasing.CloseAccount) -> erasing.AccountClosed:
        """From here on nobody logs in, and the address is free. Raises Unauthorized INVALID_CREDENTIALS."""
        async with self.database.begin() as session:
            known = await repository.password_hash(session, request.user_id)
        if not await self.passwords.matches(request.password.get_secret_value(), known):
            raise _wrong_password()
        async with self.database.begin() as session:
            await tombstones.bury_user(session, request.user_id)
            removed, ended = await self._remove(session, request.user_id)
            if not removed:
                raise _wrong_password()  # somebody was quicker; the tombstone is theirs too
            row = await self._open(session, request.user_id, str(uuid4()), self.clock())
            closed = erasing.AccountClosed(
                erasure_id=row.erasure_id,
                requested_at=row.requested_at,
                gone_by=row.requested_at + GONE_WITHIN,
                session_ids=ended,
            )
        self._something_to_do.set()
        log.info("account closed", user_id=request.user_id, erasure_id=closed.erasure_id)
        return closed

    async def _remove(self, session: AsyncSession, user_id: int) -> tuple[bool, list[int]]:
        """Whether there was such an account, and which sessions ended with it."""
        ended: list[int] = []
        for farewell in self.farewells:
            ended += await farewell(session, user_id) or ()
        return await repository.remove_user(session, user_id), ended

    async def _open(self, session: AsyncSession, user_id: int, erasure_id: str, requested_at: datetime) -> ErasureRow:
        row = await repository.open_erasure(session, user_id, erasure_id, requested_at, self.clock())
        await self._ask(session, row.user_id, row.erasure_id, row.asked)
        return row

    async def _ask(self, session: AsyncSession, user_id: int, erasure_id: str, asked: int) -> None:
        """An event of its own each time: a repetition of the same one would only be answered from memory."""
        request = events.UserErasureRequested(user_id=user_id, erasure_id=erasure_id, asked=asked)
        await outbox.add(session, catalog.USER_ERASURE_REQUESTED, request)

    def receipt_of(self, service: str) -> Callable[[events.ErasureReceipt, Delivery], Awaitable[None]]:
        async def received(receipt: events.ErasureReceipt, delivery: Delivery) -> None:
            async with self.database.effect(delivery) as session:
                await repository.put_receipt(session, service, receipt, self.clock())
            self._something_to_do.set()

        return received

    # --- what time brings -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            try:
                await self.sweep()
            except (*DATABASE_ERRORS, *STORE_ERRORS) as error:
                log.warning("erasures wait", reason=repr(error))
            await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.settings.erasure_sweep_seconds):
                await self._something_to_do.wait()
        except TimeoutError:
            pass
        self._something_to_do.clear()

    async def sweep(self) -> None:
        """Takes every open erasure as far as it gets now."""
        async with self.database.begin() as session:
            open_now = await repository.open_ids(session)
        late = 0
        for user_id in open_now:
            async with self.database.begin() as session:
                row = await repository.hold(session, user_id)
                if row is None:
                    continue
                if not await self._advance(session, row):
                    late += self._is_late(row)
        _OPEN.set(len(open_now))
        _LATE.set(late)

    async def _advance(self, session: AsyncSession, row: ErasureRow) -> bool:
        """Whether it is complete now."""
        now = self.clock()
        if row.entered_at is None:
            await self.ledger.enter(_entry(row))
            await repository.change(session, row.user_id, {"entered_at": now})
        if row.final_from is None:
            if now - row.opened_at >= timedelta(seconds=self.settings.erasure_settle_seconds):
                await self._ask_again(session, row, {"final_from": row.asked + 1})
                return False
        elif await self._all_done(session, row):
            await self._complete(session, row, now)
            return True
        patience = timedelta(seconds=self.settings.erasure_patience_seconds)
        if now - row.asked_at >= patience and not await self._all_done(session, row):
            log.warning("receipts are missing, asking again", erasure_id=row.erasure_id, asked=row.asked)
            await self._ask_again(session, row, {})
        return False

    async def _all_done(self, session: AsyncSession, row: ErasureRow) -> bool:
        needed = row.final_from or 1
        given = {
            receipt.service for receipt in await repository.receipts(session, row.user_id) if receipt.asked >= needed
        }
        return given >= set(PARTICIPANTS)

    async def _ask_again(self, session: AsyncSession, row: ErasureRow, values: dict[str, int]) -> None:
        number = row.asked + 1
        await repository.change(session, row.user_id, {"asked": number, "asked_at": self.clock(), **values})
        await self._ask(session, row.user_id, row.erasure_id, number)

    async def _complete(self, session: AsyncSession, row: ErasureRow, now: datetime) -> None:
        await self._remove(session, row.user_id)
        await self.ledger.enter(_entry(row, now))
        await repository.change(session, row.user_id, {"completed_at": now})
        log.info("erasure complete", erasure_id=row.erasure_id)

    def _is_late(self, row: ErasureRow) -> bool:
        late = self.clock() - row.opened_at > GONE_WITHIN
        if late:
            log.error("an erasure is not complete after 30 days", erasure_id=row.erasure_id, asked=row.asked)
        return late

    # --- what a backup brings ---------------------------------------------------------------------------------------

    async def compare(self) -> int:
        """Erases again who is in the ledger and in the database: a backup was restored. Returns how many they were.

        To be done before anybody is answered. Raises what the store and the database raise.
        """
        named = await self.ledger.load()
        async with self.database.begin() as session:
            back = await repository.among_users(session, named)
        for user_id in back:
            log.warning("an erased user is back, erasing again", user_id=user_id)
            await self._again(user_id)
        return len(back)

    async def repeat(self) -> int:
        """Has every service erase everybody of the ledger once more. Returns how many they are."""
        named = await self.ledger.load()
        for user_id in named:
            await self._again(user_id)
        return len(named)

    async def _again(self, user_id: int) -> None:
        entry = await self.ledger.entry(user_id) or Entry(
            user_id=user_id, erasure_id=str(uuid4()), requested_at=self.clock()
        )
        async with self.database.begin() as session:
            await tombstones.bury_user(session, user_id)
            await self._remove(session, user_id)
            await self._open(session, user_id, entry.erasure_id, entry.requested_at)


def _entry(row: ErasureRow, completed_at: datetime | None = None) -> Entry:
    return Entry(
        user_id=row.user_id, erasure_id=row.erasure_id, requested_at=row.requested_at, completed_at=completed_at
    )


def _wrong_password() -> Unauthorized:
    return Unauthorized("The password is wrong.", code="INVALID_CREDENTIALS")
