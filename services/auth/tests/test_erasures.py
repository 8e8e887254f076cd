"""Closing an account: gone at once, erased when every service has said so, and never back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from mizzap_auth import commands
from mizzap_auth.erasures import PARTICIPANTS
from mizzap_common import testing
from mizzap_common.contracts import accounts, catalog, erasing, events, requests
from mizzap_common.errors import NotFound, Unauthorized

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
    await auth.login(email)
    alive = await auth.sql("SELECT id FROM sessions WHERE user_id = %(id)s", id=made.user.id)
    closed = await close(auth, made.user.id)
    assert len(alive) == 2 and sorted(closed.session_ids) == sorted(id for (id,) in alive)
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


async def test_nobody_of_the_ledger_gets_a_session(auth, email, s3_settings, nats_url) -> None:
    """A backup that is restored under a running service: until its next start they are kept out."""
    made = await auth.register(email)
    [row] = await auth.sql("SELECT email, email_index, password_hash FROM users WHERE id = %(id)s", id=made.user.id)
    await close(auth, made.user.id)

    async def entered() -> bool:
        state = "SELECT entered_at IS NOT NULL FROM erasures WHERE user_id = %(id)s"
        return await auth.sql(state, id=made.user.id) == [(True,)]

    await testing.eventually(entered)
    await auth.sql(
        "INSERT INTO users (id, email, email_index, password_hash, country, privacy_accepted)"
        " OVERRIDING SYSTEM VALUE VALUES (%(id)s, %(a)s, %(b)s, %(c)s, 'FR', true)",
        id=made.user.id, a=row[0], b=row[1], c=row[2],
    )  # fmt: skip
    with pytest.raises(Unauthorized) as refused:
        await auth.login(email)
    assert refused.value.code == "ACCOUNT_DELETED"


async def test_the_command_has_everybody_of_the_ledger_erased_once_more(auth, email, capsys) -> None:
    made = await auth.register(email)
    closed = await close(auth, made.user.id)

    async def entered() -> bool:
        return await auth.sql(
            "SELECT entered_at IS NOT NULL FROM erasures WHERE user_id = %(id)s", id=made.user.id
        ) == [(True,)]

    await testing.eventually(entered)
    before = await auth.sql("SELECT asked FROM erasures WHERE user_id = %(id)s", id=made.user.id)
    # a row of a log that only its own erasure may delete, as a restored database has it
    await auth.sql(
        "INSERT INTO audit_log (user_id, seq, at, action, about, previous, hash)"
        " VALUES (%(id)s, 1, now(), 'user.registered', '', '', '')", id=made.user.id,
    )  # fmt: skip
    await asyncio.to_thread(commands.erasures, auth.settings, ["--repeat"])
    assert closed.erasure_id in capsys.readouterr().out
    assert (await auth.sql("SELECT asked FROM erasures WHERE user_id = %(id)s", id=made.user.id)) > before
    assert await auth.sql("SELECT 1 FROM audit_log WHERE user_id = %(id)s", id=made.user.id) == []
    with pytest.raises(SystemExit, match="usage"):
        commands.erasures(auth.settings, ["--again"])
