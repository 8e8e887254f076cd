"""Closing an account: gone at once, erased when every service has said so, and never back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from mizzap_auth import erasures_repository
from mizzap_auth.admin import open_lines
from mizzap_auth.erasures import PARTICIPANTS, Erasures
from mizzap_auth.ledger import Ledger
from mizzap_auth.passwords import Passwords
from mizzap_auth.settings import AuthSettings
from mizzap_common import migrations, testing
from mizzap_common.contracts import accounts, catalog, erasing, events, requests
from mizzap_common.db import Database
from mizzap_common.errors import NotFound, Unauthorized
from mizzap_common.inbox import Delivery
from mizzap_common.storage import Storage
from mizzap_common.tables import OUTBOX
from sqlalchemy import select, text, update
from structlog.testing import capture_logs

PASSWORD = "correct horse"
RECEIPTS = {
    "photos": catalog.PHOTOS_ERASED, "albums": catalog.ALBUMS_ERASED, "thumbs": catalog.THUMBS_ERASED,
    "dedup": catalog.DEDUP_ERASED, "curation": catalog.CURATION_ERASED,
}  # fmt: skip


async def close(auth: Any, user_id: int, password: str = PASSWORD) -> erasing.AccountClosed:
    question = erasing.CloseAccount(user_id=user_id, password=password)  # type: ignore[arg-type]
    return await auth.bus.ask(requests.AUTH_CLOSE_ACCOUNT, question)


async def asked(auth: Any, user_id: int) -> list[events.UserErasureRequested]:
    told = await testing.published(auth.bus.jetstream, catalog.USER_ERASURE_REQUESTED)
    return [request for request in told if request.user_id == user_id]


async def give_receipts(auth: Any, request: events.UserErasureRequested, *services: str) -> None:
    for service in services or PARTICIPANTS:
        receipt = events.ErasureReceipt(
            user_id=request.user_id, erasure_id=request.erasure_id, asked=request.asked, rows=2, objects=1
        )
        await testing.publish_event(auth.bus.jetstream, RECEIPTS[service], receipt)


async def test_the_account_is_closed_at_once(auth, email) -> None:
    made = await auth.register(email)
    closed = await close(auth, made.user.id)
    assert closed.gone_by - closed.requested_at == timedelta(days=30)
    with pytest.raises(Unauthorized):
        await auth.login(email)
    with pytest.raises(Unauthorized):
        await auth.refresh(made.refresh_token)
    with pytest.raises(NotFound):
        await auth.bus.ask(requests.AUTH_ME, accounts.UserRequest(user_id=made.user.id))
    again = await auth.register(email)
    assert again.user.id != made.user.id, "the address is free, the number is not"
    assert (await auth.login(email)).user.id == again.user.id


async def test_a_wrong_password_closes_nothing(auth, email) -> None:
    made = await auth.register(email)
    for user_id in (made.user.id, 2**40):
        with pytest.raises(Unauthorized) as refused:
            await close(auth, user_id, "wrong password")
        assert refused.value.code == "INVALID_CREDENTIALS"
    assert (await auth.login(email)).user == made.user
    assert await asked(auth, made.user.id) == []


async def test_of_two_that_close_it_at_once_one_gets_the_receipt(auth, email) -> None:
    made = await auth.register(email)
    both = await asyncio.gather(*(close(auth, made.user.id) for _ in range(2)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in both) == ["AccountClosed", "Unauthorized"]


async def test_it_is_complete_when_every_service_has_answered_the_last_asking(auth, email) -> None:
    made = await auth.register(email)
    closed = await close(auth, made.user.id)

    async def requests_of(number: int) -> events.UserErasureRequested | None:
        found = await asked(auth, made.user.id)
        return found[number - 1] if len(found) >= number else None

    first = await testing.eventually(lambda: requests_of(1))
    assert (first.erasure_id, first.asked) == (closed.erasure_id, 1)
    # settled at once in these tests: the second asking is the one that counts
    last = await testing.eventually(lambda: requests_of(2))
    state = "SELECT completed_at IS NOT NULL FROM erasures WHERE user_id = %(id)s"
    await give_receipts(auth, first)
    await give_receipts(auth, last, "photos", "albums", "thumbs", "dedup")
    await testing.all_handled(auth.bus.jetstream, "auth")
    assert await auth.sql(state, id=made.user.id) == [(False,)]
    await give_receipts(auth, last, "curation")

    async def complete() -> bool:
        return await auth.sql(state, id=made.user.id) == [(True,)]

    await testing.eventually(complete)
    kept = await auth.sql(
        "SELECT service, asked, rows, objects FROM erasure_receipts WHERE user_id = %(id)s ORDER BY 1", id=made.user.id
    )
    assert kept == [(service, 2, 4, 2) for service in sorted(PARTICIPANTS)]
    for table in ("users WHERE id", "sessions WHERE user_id", "exports WHERE user_id"):
        assert await auth.sql(f"SELECT 1 FROM {table} = %(id)s", id=made.user.id) == []
    told = await auth.sql("SELECT subject FROM outbox WHERE payload LIKE %(me)s", me=f'%"userId":{made.user.id},%')
    assert {subject for (subject,) in told} == {"user.erasure_requested"}
    assert await auth.sql("SELECT 1 FROM outbox WHERE payload = %(me)s", me=f'{{"userId":{made.user.id}}}') == []


# --- what time and backups bring: the inside, on a clock that is turned -------------------------------------------------


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
                    "INSERT INTO users (email, email_normalised, password_hash, country, privacy_accepted)"
                    " VALUES ('a', gen_random_uuid()::text, :hash, 'FR', true) RETURNING id"
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


async def test_the_services_are_asked_again_when_nothing_new_can_appear(inside: Inside) -> None:
    user_id = await inside.user()
    await inside.close(user_id)
    await inside.erasures.sweep()
    (first,) = await inside.asked(user_id)
    await inside.answer(first)
    await inside.erasures.sweep()
    assert (await inside.entry(user_id))["completedAt"] is None
    inside.later(seconds=inside.settings.erasure_settle_seconds)
    await inside.erasures.sweep()
    _, last = await inside.asked(user_id)
    await inside.answer(last)
    await inside.erasures.sweep()
    assert (await inside.entry(user_id))["completedAt"] is not None
    await inside.erasures.sweep()
    inside.later(days=40)
    await inside.erasures.sweep()
    assert len(await inside.asked(user_id)) == 2


async def test_a_receipt_that_stays_away_is_asked_for_again_and_alarms_after_30_days(inside: Inside) -> None:
    user_id = await inside.user()
    erasure_id = await inside.close(user_id)
    await inside.answer((await inside.asked(user_id))[0], "photos", "albums")
    inside.later(seconds=inside.settings.erasure_patience_seconds - 1)
    await inside.erasures.sweep()
    assert len(await inside.asked(user_id)) == 1
    inside.later(seconds=1)
    await inside.erasures.sweep()
    assert [request.asked for request in await inside.asked(user_id)] == [1, 2]
    (line,) = await open_lines(inside.database)
    assert erasure_id in line and "curation, dedup, thumbs" in line

    inside.later(days=29)
    with capture_logs() as logs:
        await inside.erasures.sweep()
    assert [entry for entry in logs if entry["log_level"] == "error"] == []
    inside.later(days=1, hours=1)
    with capture_logs() as logs:
        await inside.erasures.sweep()
    (alarm,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert alarm["erasure_id"] == erasure_id


async def test_the_ledger_has_ids_and_times_alone(inside: Inside) -> None:
    user_id = await inside.user()
    erasure_id = await inside.close(user_id)
    await inside.erasures.sweep()
    entry = await inside.entry(user_id)
    assert entry.pop("requestedAt").startswith("2026-01-01")
    assert entry == {"userId": user_id, "erasureId": erasure_id, "completedAt": None}


async def test_a_restored_backup_brings_nobody_back(inside: Inside) -> None:
    """The drill: a dump, an erasure, the dump again, a start."""
    gone, stays = await inside.user(), await inside.user()
    columns = "id, email, email_normalised, password_hash, country, privacy_accepted"
    dump = await inside.sql(f"SELECT {columns} FROM users ORDER BY id")
    erasure_id = await inside.close(gone)
    await inside.erasures.sweep()

    for table in ("users", "erasures", "user_tombstones", "outbox"):
        await inside.sql(f"TRUNCATE {table} CASCADE")
    for row in dump:
        values = {f"c{number}": value for number, value in enumerate(row)}
        names = ", ".join(f":{name}" for name in values)
        await inside.sql(f"INSERT INTO users ({columns}) OVERRIDING SYSTEM VALUE VALUES ({names})", **values)
    await inside.sql("ALTER SEQUENCE users_id_seq RESTART")  # as the backup has it: before these two

    inside.later(days=200)
    ledger, erasures = inside.started()
    assert await erasures.compare() == 1
    assert await inside.sql("SELECT id FROM users") == [(stays,)]
    (request,) = await inside.asked(gone)
    assert request.erasure_id == erasure_id, "the person's receipt is still good"
    assert ledger.names(gone) and not ledger.names(stays)
    assert (await inside.entry(gone))["requestedAt"].startswith("2026-01-01")
    # a number of somebody in the ledger is never given to a new account, which the next start would erase
    assert await inside.sql("SELECT nextval('users_id_seq') > :gone", gone=gone) == [(True,)]
    assert await erasures.compare() == 0


async def test_who_leaves_says_farewell_before_the_rows_go(inside: Inside) -> None:
    user_id = await inside.user()
    met: list[Any] = []

    async def farewell(session: Any, leaving: int) -> None:
        found = await session.execute(text("SELECT id FROM users WHERE id = :id"), {"id": leaving})
        met.append((leaving, found.scalar_one()))

    inside.erasures.farewells = [farewell]
    await inside.close(user_id)
    assert met == [(user_id, user_id)]


async def test_a_ledger_of_many_is_compared(inside: Inside) -> None:
    user_id = await inside.user()
    async with inside.database.begin() as session:
        assert await erasures_repository.among_users(session, range(1, 100_000)) == [user_id]


async def test_without_the_comparison_the_backup_brings_them_back(inside: Inside) -> None:
    """The mutant of the drill: what it looks at would still be there."""
    gone = await inside.user()
    dump = await inside.sql("SELECT password_hash FROM users WHERE id = :id", id=gone)
    await inside.close(gone)
    assert await inside.sql("SELECT 1 FROM users") == []
    await inside.sql(
        "INSERT INTO users (id, email, email_normalised, password_hash, country, privacy_accepted)"
        " OVERRIDING SYSTEM VALUE VALUES (:id, 'a', 'a', :hash, 'FR', true)", id=gone, hash=dump[0][0],
    )  # fmt: skip
    inside.started()
    assert await inside.sql("SELECT id FROM users") == [(gone,)]


async def test_repeating_asks_the_services_for_everybody_of_the_ledger(inside: Inside) -> None:
    """After another service's database was restored."""
    user_id = await inside.user()
    await inside.close(user_id)
    await inside.erasures.sweep()
    _, erasures = inside.started()
    assert await erasures.repeat() == 1
    assert [request.asked for request in await inside.asked(user_id)] == [1, 2]


async def test_nobody_of_the_ledger_gets_a_session(auth, email, s3_settings, nats_url) -> None:
    """A backup that is restored under a running service: until its next start they are kept out."""
    made = await auth.register(email)
    [row] = await auth.sql(
        "SELECT email, email_normalised, password_hash FROM users WHERE id = %(id)s", id=made.user.id
    )
    await close(auth, made.user.id)

    async def entered() -> bool:
        state = "SELECT entered_at IS NOT NULL FROM erasures WHERE user_id = %(id)s"
        return await auth.sql(state, id=made.user.id) == [(True,)]

    await testing.eventually(entered)
    await auth.sql(
        "INSERT INTO users (id, email, email_normalised, password_hash, country, privacy_accepted)"
        " OVERRIDING SYSTEM VALUE VALUES (%(id)s, %(a)s, %(b)s, %(c)s, 'FR', true)",
        id=made.user.id, a=row[0], b=row[1], c=row[2],
    )  # fmt: skip
    with pytest.raises(Unauthorized) as refused:
        await auth.login(email)
    assert refused.value.code == "ACCOUNT_DELETED"
