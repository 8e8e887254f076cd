"""The audit log: complete, for its user alone, and not to be changed by anybody unnoticed."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from mizzap_auth.audit import AuditLog
from mizzap_common import testing
from mizzap_common.contracts import audit, catalog, consents, events, requests
from mizzap_common.db import Database
from mizzap_common.errors import Unauthorized
from mizzap_common.sealed import KeyRing

from services.auth.tests.tampering import WAYS, Tamperer


@pytest.fixture
async def database(auth) -> Any:
    database = Database(auth.database_url)
    yield database
    await database.close()


@pytest.fixture
def ring(auth) -> KeyRing:
    return KeyRing.from_file(auth.settings.key_ring_file)


@pytest.fixture
def log(database: Database, ring: KeyRing) -> AuditLog:
    return AuditLog(database, ring, days=90)


async def page_of(auth, user_id: int, **more: int) -> audit.AuditPage:
    return await auth.bus.ask(requests.AUTH_AUDIT, audit.ListAudit(user_id=user_id, **more))


async def _actions(auth, user_id: int) -> list[str]:
    return [entry.action for entry in reversed((await page_of(auth, user_id, limit=100)).entries)]


async def test_what_happens_to_an_account_is_noted(auth, email, log) -> None:
    user_id = (await auth.register(email)).user.id
    await auth.login(email)
    with pytest.raises(Unauthorized):
        await auth.login(email, "wrong password")
    agreed = consents.ChangeConsent(user_id=user_id, purpose="ai", granted=True, version="2")
    await auth.bus.ask(requests.AUTH_CHANGE_CONSENT, agreed)
    assert await _actions(auth, user_id) == ["user.registered", "session.opened", "login.failed", "consent.granted"]
    assert (await page_of(auth, user_id)).entries[0].about == "consent/ai"
    assert email not in str(await auth.sql("SELECT * FROM audit_log"))
    assert await log.verify() == []


async def test_the_reuse_of_a_refresh_token_is_noted(auth) -> None:
    session = await auth.register()
    await auth.refresh(session.refresh_token)
    await auth.sql("UPDATE refresh_tokens SET rotated_at = rotated_at - interval '1 minute'")
    with pytest.raises(Unauthorized):
        await auth.refresh(session.refresh_token)
    assert "refresh_token.reused" in await _actions(auth, session.user.id)


async def test_what_happens_to_files_is_noted_once(auth) -> None:
    user_id, other = [(await auth.register()).user.id for _ in range(2)]
    photo: dict[str, Any] = {"user_id": user_id, "photo_id": 7, "sha256": "0" * 64, "object_key": "k"}
    js = auth.bus.jetstream
    uploaded = events.PhotoUploaded(**photo, mime_type="image/jpeg", size_bytes=1)
    event_id = await testing.publish_event(js, catalog.PHOTO_UPLOADED, uploaded)
    await testing.publish_event(js, catalog.PHOTO_UPLOADED, uploaded, event_id)
    moved: dict[str, Any] = {"user_id": user_id, "photo_id": 7}
    await testing.publish_event(js, catalog.PHOTO_TRASHED, events.PhotoTrashed(**moved, version=1))
    await testing.publish_event(js, catalog.PHOTO_RESTORED, events.PhotoRestored(**moved, version=2))
    await testing.publish_event(js, catalog.PHOTO_DELETED, events.PhotoDeleted(**photo))
    resolved = {"duplicate_id": 3, "primary_photo_id": 7, "duplicate_photo_id": 8, "action": "rejected"}
    await testing.publish_event(js, catalog.DUPLICATE_RESOLVED, events.DuplicateResolved(user_id=user_id, **resolved))
    changed = events.AlbumUpdated(user_id=user_id, album_id=4, change="photos_added")
    shown = events.AlbumUpdated(user_id=user_id, album_id=5, change="created", owner_id=user_id + 1)
    for updated in (changed, shown):
        await testing.publish_event(js, catalog.ALBUM_UPDATED, updated)
    # somebody whose account is gone
    await testing.publish_event(js, catalog.ALBUM_UPDATED, changed.model_copy(update={"user_id": 2**40}))
    placed = events.OrderChanged(user_id=user_id, order_id=9, status="placed")
    await testing.publish_event(js, catalog.ORDER_CHANGED, placed)
    await testing.all_handled(js, "auth")
    found = {(entry.action, entry.about) for entry in (await page_of(auth, user_id)).entries}
    assert found == {
        ("user.registered", f"user/{user_id}"), ("photo.uploaded", "photo/7"), ("photo.trashed", "photo/7"),
        ("photo.restored", "photo/7"), ("photo.deleted", "photo/7"),
        ("duplicate.rejected", "duplicate/3"), ("album.photos_added", "album/4"), ("order.placed", "order/9"),
    }  # fmt: skip
    assert (await page_of(auth, user_id)).total == 8
    assert await _actions(auth, other) == ["user.registered"] and (await page_of(auth, 2**40)).entries == []


async def test_what_is_heard_of_late_is_noted_with_the_time_when_it_happened(auth, log) -> None:
    user_id = (await auth.register()).user.id
    js, now = auth.bus.jetstream, datetime.now(UTC)
    for number, at in enumerate((now - timedelta(days=6), now + timedelta(days=1))):
        trashed = events.PhotoTrashed(user_id=user_id, photo_id=number, version=1)
        await testing.publish_event(js, catalog.PHOTO_TRASHED, trashed, at=at)
    await testing.all_handled(js, "auth")
    at = {entry.about: entry.at for entry in (await page_of(auth, user_id)).entries}
    assert at["photo/0"] == now - timedelta(days=6)
    assert now <= at["photo/1"] <= datetime.now(UTC), "no clock that is ahead makes something happen in the future"
    assert await log.verify() == []


async def with_entries(database: Database, log: AuditLog, auth, count: int) -> int:
    user_id: int = (await auth.register()).user.id
    for number in range(count - 1):
        async with database.begin() as session:
            await log.note(session, user_id, "photo.uploaded", f"photo/{number}")
    return user_id


async def test_many_at_once_make_one_chain(auth, database, log) -> None:
    user_id = (await auth.register()).user.id

    async def note(number: int) -> None:
        async with database.begin() as session:
            await log.note(session, user_id, "photo.deleted", f"photo/{number}")

    await asyncio.gather(*(note(number) for number in range(30)))
    page = await page_of(auth, user_id, limit=100)
    assert [entry.seq for entry in page.entries] == list(range(31, 0, -1))
    assert await log.verify() == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"],
    ids=["update", "delete", "truncate"],
)
async def test_the_database_itself_refuses_changes(auth, statement) -> None:
    await auth.register()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await auth.sql(statement)


# --- tampering ----------------------------------------------------------------------------------------------------


@pytest.fixture
def owner_connection(auth) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(auth.database_url.replace("+psycopg", "")) as connection:
        connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
        yield connection
        connection.rollback()


async def test_every_tampering_is_seen(auth, database, log, ring, owner_connection) -> None:
    owner_connection.rollback()
    user_id = await with_entries(database, log, auth, 25)
    owner_connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")

    def tamper() -> list[str]:
        unseen = []
        for seed in range(30 * len(WAYS)):
            way = WAYS[seed % len(WAYS)]
            tamperer = Tamperer(owner_connection, user_id, ring, seed)
            assert tamperer.verdict() is None
            with owner_connection.transaction(force_rollback=True):
                way(tamperer)
                found = tamperer.verdict()
            if found is None or found.user_id != user_id or not 1 <= found.seq <= 26:
                unseen.append(f"{way.__name__} {seed}: {found}")
        return unseen

    assert await asyncio.to_thread(tamper) == []


async def test_the_entry_is_named(auth, database, log, ring, owner_connection) -> None:
    owner_connection.rollback()
    user_id = await with_entries(database, log, auth, 5)
    owner_connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
    tamperer = Tamperer(owner_connection, user_id, ring, 0)
    for statement, seq in (
        ("UPDATE audit_log SET about = 'x' WHERE user_id = %(u)s AND seq = 3", 3),
        ("DELETE FROM audit_log WHERE user_id = %(u)s AND seq = 2", 2),
        ("DELETE FROM audit_log WHERE user_id = %(u)s AND seq >= 4", 4),
    ):
        with owner_connection.transaction(force_rollback=True):
            tamperer.run(statement)
            found = tamperer.verdict()
        assert found is not None and (found.user_id, found.seq) == (user_id, seq)


async def tampered(auth, statement: str, user_id: int) -> None:
    await auth.sql("ALTER TABLE audit_log DISABLE TRIGGER USER")
    await auth.sql(statement, u=user_id)
    await auth.sql("ALTER TABLE audit_log ENABLE TRIGGER USER")


async def test_what_was_tampered_with_is_not_signed_again(auth, database, log) -> None:
    """Later entries go on, and the break stays visible: also when the head itself was bent, or is gone."""
    cut = await with_entries(database, log, auth, 4)
    await tampered(auth, "DELETE FROM audit_log WHERE user_id = %(u)s AND seq = 4", cut)
    await auth.sql(
        "UPDATE audit_heads SET seq = 3, hash = (SELECT hash FROM audit_log WHERE user_id = %(u)s AND seq = 3)"
        " WHERE user_id = %(u)s", u=cut,
    )  # fmt: skip
    gone = await with_entries(database, log, auth, 4)
    await tampered(auth, "DELETE FROM audit_log WHERE user_id = %(u)s", gone)
    await auth.sql("DELETE FROM audit_heads WHERE user_id = %(u)s", u=gone)
    for user_id in (cut, gone):
        async with database.begin() as session:
            await log.note(session, user_id, "photo.deleted", "photo/1")
    assert {broken.user_id for broken in await log.verify()} == {cut, gone}
    for user_id in (cut, gone):
        async with database.begin() as session:
            await log.erase(session, user_id)
            await log.begin(session, user_id)
    assert await log.verify() == []


async def test_the_command_names_user_and_entry(auth, database, log) -> None:
    user_id = await with_entries(database, log, auth, 3)
    environment = {
        "MIZZAP_DATABASE_URL": auth.database_url, "MIZZAP_KEY_RING_FILE": str(auth.settings.key_ring_file),
        "MIZZAP_SIGNING_KEY_FILE": str(auth.settings.signing_key_file),
    }  # fmt: skip

    async def verify() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mizzap_auth", "audit-verify"]
        return await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)

    good = await verify()
    assert (good.returncode, good.stdout) == (0, "All audit logs are as they were written.\n"), good.stderr
    await tampered(auth, "UPDATE audit_log SET about = 'x' WHERE user_id = %(u)s AND seq = 2", user_id)
    bad = await verify()
    assert bad.returncode == 1
    assert bad.stdout.startswith(f"user {user_id}, entry 2: the entry was changed\n")
    async with database.begin() as session:
        await log.erase(session, user_id)
        await log.begin(session, user_id)
