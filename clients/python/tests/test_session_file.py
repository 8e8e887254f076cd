"""Several `mizzap` with one session: each of its refresh tokens counts once, and none logs the others out."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import AsyncFileLock
from mizzap_client import cli, connection
from mizzap_client.api import AsyncClient, Client
from mizzap_client.config import Login, SharedLogin, load_login, lock_file, save_login
from mizzap_client.errors import NotLoggedIn, Unreachable
from mizzap_client.models import Session
from mizzap_client.schemas import User

from clients.python.tests import shapes


def session(number: int, user_id: int = 1) -> Session:
    shown = shapes.session(number)
    return Session.model_validate({**shown, "user": {**shapes.USER, "id": user_id}})


@pytest.fixture
def login(address: str, gateway: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Login]:
    """The login of everybody, whose access token has run out."""
    monkeypatch.setenv("MIZZAP_CONFIG", str(tmp_path / "config" / "session.json"))
    gateway.token, gateway.refreshed = 2, set()
    save_login(login := Login(server=address, session=session(1)))
    yield login


async def ask(client: AsyncClient) -> User:
    return await client.me()


async def test_many_at_once_renew_it_once(gateway: Any, login: Login) -> None:
    answers = await asyncio.gather(*(cli.as_user(ask) for _ in range(5)))
    assert [user.id for user in answers] == [1] * 5
    assert gateway.requests["/auth/refresh"] == 1
    assert load_login().session.refresh_token == "refresh-2"


async def test_threads_at_once_renew_it_once(gateway: Any, login: Login) -> None:
    shared = SharedLogin(login)

    def me(client: Client) -> User:
        with client:
            return client.me()

    clients = [Client(login.server, login.session, on_session=shared.save, shared=shared) for _ in range(5)]
    answers = await asyncio.gather(*(asyncio.to_thread(me, client) for client in clients))
    assert [user.id for user in answers] == [1] * 5
    assert gateway.requests["/auth/refresh"] == 1


async def test_what_another_has_renewed_is_taken(gateway: Any, login: Login) -> None:
    async def later(client: AsyncClient) -> User:
        await cli.as_user(ask)
        return await client.me()

    assert (await cli.as_user(later)).id == 1
    assert gateway.requests["/auth/refresh"] == 1


async def test_what_another_has_renewed_may_have_run_out_too(gateway: Any, login: Login) -> None:
    async def later(client: AsyncClient) -> User:
        save_login(Login(server=login.server, session=session(2)))
        gateway.token = 3
        return await client.me()

    assert (await cli.as_user(later)).id == 1
    assert load_login().session.refresh_token == "refresh-3"


async def test_another_user_s_login_is_neither_taken_nor_replaced(gateway: Any, login: Login) -> None:
    another = Login(server=login.server, session=session(1, user_id=2))

    async def later(client: AsyncClient) -> User:
        save_login(another)
        return await client.me()

    with pytest.raises(NotLoggedIn, match="Somebody else"):
        await cli.as_user(later)
    assert load_login() == another


async def test_a_new_login_outlasts_a_renewal_that_is_under_way(gateway: Any, login: Login) -> None:
    logged_in = asyncio.Event()

    async def begin(client: AsyncClient) -> Session:
        begun = await client.login("camille@example.com", "secret")
        logged_in.set()
        return begun

    gateway.token = 7
    async with AsyncFileLock(lock_file()):  # as whoever renews
        command = asyncio.create_task(cli.begin_session(login.server, begin))
        await logged_in.wait()
        save_login(Login(server=login.server, session=session(2)))
    await command
    assert load_login().session.refresh_token == "refresh-7"


async def test_who_holds_the_lock_for_ever_is_not_waited_for(
    gateway: Any, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_SECONDS", 0.1)
    async with AsyncFileLock(lock_file()):
        with pytest.raises(Unreachable, match="Another program"):
            await cli.as_user(ask)
    assert (await cli.as_user(ask)).id == 1
