"""A user's sessions by device: seen, ended one by one and all at once."""

import asyncio

import pytest
from mizzap_common import testing
from mizzap_common.contracts import accounts, catalog, events, requests
from mizzap_common.errors import NotFound, Unauthorized


async def _list(auth, session, **page: int) -> accounts.SessionPage:
    question = accounts.ListSessions(user_id=session.user.id, session_id=auth.session_of(session), **page)
    return await auth.bus.ask(requests.AUTH_SESSIONS, question)


async def _end(auth, session, session_id: int) -> accounts.EndedSessions:
    question = accounts.SessionRequest(user_id=session.user.id, session_id=session_id)
    return await auth.bus.ask(requests.AUTH_END_SESSION, question)


async def test_sessions_are_shown_by_device(auth, email) -> None:
    phone = await auth.register(email, device_name="Ada's phone")
    laptop = await auth.login(email, device_name="Laptop")
    nameless = await auth.login(email)
    await auth.register()
    page = await _list(auth, laptop)
    assert page.total == 3
    assert [(shown.id, shown.device_name, shown.current) for shown in page.sessions] == [
        (auth.session_of(nameless), "Unknown device", False),
        (auth.session_of(laptop), "Laptop", True),
        (auth.session_of(phone), "Ada's phone", False),
    ]
    second = await _list(auth, laptop, page=2, limit=2)
    assert [shown.id for shown in second.sessions] == [auth.session_of(phone)] and second.total == 3


async def test_when_a_session_was_used_is_remembered(auth) -> None:
    session = await auth.register()

    async def last_used_ago() -> float:
        [(ago,)] = await auth.sql(
            "SELECT extract(epoch FROM now() - last_used_at)::float FROM sessions WHERE id = %(id)s",
            id=auth.session_of(session),
        )
        return ago

    for minutes, use in ((4, auth.is_alive), (6, auth.is_alive), (4, lambda s: auth.refresh(s.refresh_token))):
        await auth.sql(
            "UPDATE sessions SET last_used_at = now() - %(m)s * interval '1 minute' WHERE id = %(id)s",
            m=minutes,
            id=auth.session_of(session),
        )
        await use(session)
        # a look is written down every five minutes at most
        assert (await last_used_ago() > 200) is (minutes == 4 and use == auth.is_alive)


async def test_an_ended_session_is_over(auth, email) -> None:
    here, there = await auth.register(email), await auth.login(email)
    assert await auth.is_alive(there)
    assert (await _end(auth, here, auth.session_of(there))).session_ids == [auth.session_of(there)]
    assert not await auth.is_alive(there) and await auth.is_alive(here)
    with pytest.raises(Unauthorized):
        await auth.refresh(there.refresh_token)
    assert [shown.id for shown in (await _list(auth, here)).sessions] == [auth.session_of(here)]

    async def told() -> bool:
        ended = await testing.published(auth.bus.jetstream, catalog.SESSION_ENDED)
        return ended.count(events.SessionEnded(user_id=here.user.id, session_id=auth.session_of(there))) == 1

    await testing.eventually(told)


async def test_foreign_ended_and_unknown_sessions_are_answered_alike(auth, email) -> None:
    here, ended = await auth.register(email), await auth.login(email)
    foreign = await auth.register()
    await _end(auth, here, auth.session_of(ended))
    answers = set()
    for session_id in (auth.session_of(foreign), auth.session_of(ended), 2**62):
        with pytest.raises(NotFound) as refused:
            await _end(auth, here, session_id)
        answers.add(str((refused.value.code, refused.value.message, refused.value.details)))
    assert len(answers) == 1
    assert await auth.is_alive(foreign)


async def test_a_session_is_alive_for_its_own_user_only(auth) -> None:
    mine, hers = await auth.register(), await auth.register()
    question = accounts.SessionRequest(user_id=mine.user.id, session_id=auth.session_of(hers))
    assert not (await auth.bus.ask(requests.AUTH_SESSION, question)).alive


async def test_expired_sessions_and_those_of_deleted_users_are_not_alive(auth) -> None:
    expired, orphaned = await auth.register(), await auth.register()
    await auth.sql("UPDATE sessions SET expires_at = now() WHERE id = %(id)s", id=auth.session_of(expired))
    await auth.sql("UPDATE users SET deleted_at = now() WHERE id = %(id)s", id=orphaned.user.id)
    assert not await auth.is_alive(expired) and not await auth.is_alive(orphaned)


async def test_all_others_end_at_once_and_each_is_told_once(auth, email) -> None:
    here = await auth.register(email)
    others = [await auth.login(email) for _ in range(3)]
    stranger = await auth.register()
    question = accounts.SessionRequest(user_id=here.user.id, session_id=auth.session_of(here))
    # from two devices at the same time
    results = await asyncio.gather(*(auth.bus.ask(requests.AUTH_END_OTHERS, question) for _ in range(2)))
    ended = [session_id for result in results for session_id in result.session_ids]
    assert sorted(ended) == sorted(map(auth.session_of, others))
    assert await auth.is_alive(here) and await auth.is_alive(stranger)

    async def told() -> bool:
        payloads = await testing.published(auth.bus.jetstream, catalog.SESSION_ENDED)
        return sorted(p.session_id for p in payloads if p.user_id == here.user.id) == sorted(ended)

    await testing.eventually(told)
