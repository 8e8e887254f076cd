"""Sessions: refresh tokens count once, and a stolen one ends what it came from."""

import asyncio

import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog, events, requests
from mizzap_common.errors import Unauthorized


async def test_refreshing_goes_on_and_on(auth) -> None:
    session = await auth.register()
    seen = {session.refresh_token}
    for _ in range(3):
        user = session.user
        session = await auth.refresh(session.refresh_token)
        assert session.user == user
        assert session.refresh_token not in seen
        seen.add(session.refresh_token)


async def test_fifty_at_once_get_one_successor(auth) -> None:
    session = await auth.register()
    results = await asyncio.gather(*(auth.refresh(session.refresh_token) for _ in range(50)))
    assert len({result.refresh_token for result in results}) == 1
    [(tokens,)] = await auth.sql(
        "SELECT count(*) FROM refresh_tokens JOIN sessions s ON s.id = session_id WHERE user_id = %(id)s",
        id=session.user.id,
    )
    assert tokens == 2
    await auth.refresh(results[0].refresh_token)


async def _age(auth, user_id: int, interval: str) -> None:
    await auth.sql(
        "UPDATE refresh_tokens SET rotated_at = rotated_at - %(i)s::interval FROM sessions "
        "WHERE sessions.id = session_id AND user_id = %(id)s",
        i=interval,
        id=user_id,
    )


async def test_within_the_grace_the_same_successor_comes_again(auth) -> None:
    session = await auth.register()
    successor = await auth.refresh(session.refresh_token)
    # the gateway gave up waiting for the answer, and its client took a while for the next try
    await _age(auth, session.user.id, f"{requests.AUTH_REFRESH.timeout + 15} seconds")
    again = await auth.refresh(session.refresh_token)
    assert again.refresh_token == successor.refresh_token
    await auth.refresh(successor.refresh_token)


async def test_reuse_after_the_grace_ends_the_session_and_no_other(auth, email) -> None:
    session = await auth.register(email)
    other = await auth.login(email)
    newest = await auth.refresh(session.refresh_token)
    await _age(auth, session.user.id, "31 seconds")
    for token in (session.refresh_token, newest.refresh_token, session.refresh_token):
        with pytest.raises(Unauthorized) as refused:
            await auth.refresh(token)
        assert refused.value.code == "INVALID_REFRESH_TOKEN"
    await auth.refresh(other.refresh_token)
    assert not await auth.is_alive(newest) and await auth.is_alive(other)
    await testing.eventually(lambda: _told(auth, session))
    assert not await _told(auth, other)


async def _told(auth, session) -> bool:
    """Whether the session's end was told, once."""
    told = await testing.published(auth.bus.jetstream, catalog.SESSION_ENDED)
    mine = events.SessionEnded(user_id=session.user.id, session_id=auth.session_of(session))
    return told.count(mine) == 1


async def test_reuse_while_the_newest_is_refreshed_leaves_nothing_alive(auth) -> None:
    for _ in range(10):
        session = await auth.register()
        newest = await auth.refresh(session.refresh_token)
        await _age(auth, session.user.id, "31 seconds")
        results = await asyncio.gather(
            auth.refresh(newest.refresh_token), auth.refresh(session.refresh_token), return_exceptions=True
        )
        assert isinstance(results[1], Unauthorized)
        survivors = [newest, *(r for r in results if not isinstance(r, BaseException))]
        for survivor in survivors:
            with pytest.raises(Unauthorized):
                await auth.refresh(survivor.refresh_token)


@pytest.mark.parametrize("token", ["x", "x" * 512, "é", "a.b.c"])
async def test_unknown_tokens_are_refused(auth, token) -> None:
    with pytest.raises(Unauthorized):
        await auth.refresh(token)


async def test_an_access_token_is_no_refresh_token(auth) -> None:
    session = await auth.register()
    with pytest.raises(Unauthorized):
        await auth.refresh(session.access_token[:512])


async def test_a_session_ends_when_it_is_not_used(auth) -> None:
    session = await auth.register()
    [(days,)] = await auth.sql(
        "SELECT round(extract(epoch FROM expires_at - now()) / 86400) FROM sessions WHERE user_id = %(id)s",
        id=session.user.id,
    )
    assert days == 30
    await auth.sql(
        "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE user_id = %(id)s", id=session.user.id
    )
    with pytest.raises(Unauthorized):
        await auth.refresh(session.refresh_token)
