"""What time and backups bring: receipts that stay away, and users who were erased and are back."""

from typing import Any

from mizzap_auth import erasures_repository, leaving
from mizzap_auth.commands import open_lines
from mizzap_auth.numbers import Numbers
from sqlalchemy import text
from structlog.testing import capture_logs

from services.auth.tests.inside import Inside, inside

__all__ = ["inside"]


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
    columns = "id, email, email_index, password_hash, country, privacy_accepted"
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
    assert await leaving.compare(Numbers(inside.database, inside.storage), erasures) == 1
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
        "INSERT INTO users (id, email, email_index, password_hash, country, privacy_accepted)"
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
