"""In which order an account's rows are locked: nobody waits in a circle, and no victim is the end of a stolen session."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mizzap_auth import sessions_repository
from mizzap_auth.audit import AuditLog
from mizzap_common import tombstones
from mizzap_common.contracts import accounts, consents, families, library, requests
from mizzap_common.db import Database
from mizzap_common.errors import Unauthorized
from mizzap_common.sealed import KeyRing
from sqlalchemy import text

from services.auth.tests.waiting import waiting


@pytest.fixture
async def database(auth: Any) -> AsyncIterator[Database]:
    database = Database(auth.database_url)
    yield database
    await database.close()


async def test_a_stolen_session_ends_while_its_owner_ends_it(auth: Any, database: Database) -> None:
    log = AuditLog(database, KeyRing.from_file(auth.settings.key_ring_file), days=90)
    stolen = await auth.register()
    await auth.refresh(stolen.refresh_token)
    await auth.sql("UPDATE refresh_tokens SET rotated_at = rotated_at - interval '1 hour'")
    async with database.begin() as ending:
        ended = await sessions_repository.end(ending, stolen.user.id, auth.session_of(stolen))
        reuse = asyncio.create_task(auth.refresh(stolen.refresh_token))
        await waiting(database)
        await log.note(ending, stolen.user.id, "session.ended", f"session/{ended[0]}")
    with pytest.raises(Unauthorized) as refused:
        await reuse
    assert refused.value.code == "INVALID_REFRESH_TOKEN"
    noted = await auth.sql("SELECT action FROM audit_log WHERE user_id = %(id)s", id=stolen.user.id)
    assert [action for (action,) in noted].count("refresh_token.reused") == 1


async def test_who_waits_for_a_closing_holds_nothing_that_it_needs(auth: Any, database: Database, email: str) -> None:
    mine = await auth.register(email)
    user: dict[str, Any] = {"user_id": mine.user.id}
    session: dict[str, Any] = {**user, "session_id": auth.session_of(mine)}
    questions: list[tuple[requests.Method[Any, Any], Any]] = [
        (requests.AUTH_END_SESSION, accounts.SessionRequest(**session)),
        (requests.AUTH_END_OTHERS, accounts.SessionRequest(**{**session, "session_id": 1})),
        (requests.AUTH_UPDATE_PROFILE, accounts.UpdateProfile(**user, full_name="U")),
        (requests.AUTH_CHANGE_CONSENT, consents.ChangeConsent(**user, purpose="ai", granted=True, version="2")),
        (requests.AUTH_CREATE_FAMILY, families.CreateFamily(**user, name="Home")),
        (requests.AUTH_EXPORT_BEGIN, library.UserRequest(**user)),
    ]
    async with database.begin() as closing:
        await tombstones.bury_user(closing, mine.user.id)
        asked = [
            *(auth.bus.ask(method, question) for method, question in questions),
            auth.login(email),
            auth.refresh(mine.refresh_token),
            auth.change_password(mine, "correct horse"),
        ]
        answers = asyncio.gather(*asked, return_exceptions=True)
        await waiting(database, len(asked))
        for rows in (
            "users WHERE id = :id",
            "sessions WHERE user_id = :id",
            "refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = :id)",
            "audit_heads WHERE user_id = :id",
        ):
            await closing.execute(text(f"SELECT 1 FROM {rows} FOR UPDATE NOWAIT"), {"id": mine.user.id})
        await closing.execute(text("DELETE FROM users WHERE id = :id"), {"id": mine.user.id})
    others, *refused = sorted(await answers, key=lambda answer: isinstance(answer, Exception))
    assert others == accounts.EndedSessions(session_ids=[])
    assert sorted(answer.status for answer in refused) == [401] * 2 + [404] * 6
