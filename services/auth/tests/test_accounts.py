"""Accounts: who gets one, who gets in."""

import asyncio
from typing import Any

import bcrypt
import pytest
from mizzap_auth.emails import Emails
from mizzap_common import testing
from mizzap_common.contracts import accounts, catalog, requests
from mizzap_common.errors import Conflict, InvalidInput, MizzapError, NotFound, Unauthorized
from mizzap_common.sealed import KeyRing
from sqlalchemy import event
from sqlalchemy.engine import Engine


async def test_register_login_me(auth, email) -> None:
    made = await auth.register(email, username="ada", full_name="Ada L.", country="GB", privacy_accepted=True)
    assert (made.user.email, made.user.username, made.user.country) == (email, "ada", "GB")
    assert made.token_type == "Bearer" and made.expires_in == 3600
    session = await auth.login(email)
    assert session.user == made.user
    assert session.refresh_token != made.refresh_token
    assert await auth.bus.ask(requests.AUTH_ME, accounts.UserRequest(user_id=made.user.id)) == made.user
    [(consent,)] = await auth.sql("SELECT gdpr_consent_date FROM users WHERE id = %(id)s", id=made.user.id)
    assert consent is not None


async def test_a_taken_address_costs_as_much_as_a_free_one(auth, email, monkeypatch) -> None:
    hashed: list[bytes] = []
    work = bcrypt.hashpw

    def count(password: bytes, salt: bytes) -> bytes:
        hashed.append(password)
        return work(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", count)
    await auth.register(email)
    assert len(hashed) == 1
    with pytest.raises(Conflict):
        await auth.register(email)
    assert len(hashed) == 2


async def test_nothing_secret_is_stored(auth, email) -> None:
    made = await auth.register(email, "a very secret password")
    [(stored,)] = await auth.sql("SELECT password_hash FROM users WHERE id = %(id)s", id=made.user.id)
    assert stored.startswith("$2b$12$")
    rows = await auth.sql("SELECT token_hash FROM refresh_tokens")
    assert made.refresh_token not in {token for (token,) in rows}


async def test_no_address_is_stored_in_the_clear(auth, email) -> None:
    made = await auth.register(email)
    [row] = await auth.sql("SELECT users::text FROM users WHERE id = %(id)s", id=made.user.id)
    assert email[:32].encode().hex() not in row[0] and email[:32] not in row[0]


async def test_an_address_copied_to_another_user_does_not_open(auth) -> None:
    mine, hers = await auth.register(), await auth.register()
    await auth.sql(
        "UPDATE users SET email = (SELECT email FROM users WHERE id = %(hers)s) WHERE id = %(mine)s",
        hers=hers.user.id,
        mine=mine.user.id,
    )
    with pytest.raises(MizzapError) as refused:
        await auth.bus.ask(requests.AUTH_ME, accounts.UserRequest(user_id=mine.user.id))
    assert refused.value.code == "INTERNAL"


async def test_registering_is_told_without_personal_data(auth, email) -> None:
    made = await auth.register(email)

    async def told() -> bool:
        events = await testing.published(auth.bus.jetstream, catalog.USER_REGISTERED)
        return [event.user_id for event in events].count(made.user.id) == 1

    await testing.eventually(told)
    payload = catalog.USER_REGISTERED.payload(user_id=made.user.id).to_json()
    assert payload == b'{"userId":%d}' % made.user.id


@pytest.mark.parametrize("same", [str.upper, lambda e: f"  {e} ", lambda e: e.replace("\u00e9", "e\u0301")])
async def test_an_address_has_one_account_however_it_is_written(auth, email, same) -> None:
    email = f"\u00e9{email}"
    made = await auth.register(email)
    with pytest.raises(Conflict) as refused:
        await auth.register(same(email))
    assert refused.value.code == "EMAIL_TAKEN"
    assert (await auth.login(same(email))).user == made.user


async def test_many_registering_at_once_make_one_account(auth, email) -> None:
    results = await asyncio.gather(*(auth.register(email) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, accounts.Session) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 3
    [index] = Emails(KeyRing.from_file(auth.settings.key_ring_file)).indexes(email)
    assert await auth.sql("SELECT count(*) FROM users WHERE email_index = %(i)s", i=index) == [(1,)]


@pytest.mark.parametrize("bad", ["nobody", "a@b", "a@@b.fr", "a b@c.fr", "@c.fr", "a@x.invalid"])
async def test_what_is_no_address_is_refused(auth, bad) -> None:
    with pytest.raises(InvalidInput) as refused:
        await auth.register(bad)
    assert refused.value.details["field"] == "email"


@pytest.mark.parametrize("good", ["x@example.com", "prénom.nom@exämple.fr", "a+b@mizzap.test"])
async def test_unusual_addresses_are_taken(auth, email, good) -> None:
    assert (await auth.register(f"{email[:8]}{good}")).user.email == f"{email[:8]}{good}"


async def test_short_passwords_are_refused(auth) -> None:
    with pytest.raises(InvalidInput) as refused:
        await auth.register(password="1234567")
    assert refused.value.details["field"] == "password"
    assert "1234567" not in str(refused.value.details)


@pytest.mark.parametrize("password", ["x" * 73, "é" * 37, "x" * 1024, "🔑" * 30, "with a NUL \0 in it"], ids=len)
async def test_every_character_of_a_long_password_counts(auth, email, password) -> None:
    await auth.register(email, password)
    await auth.login(email, password)
    with pytest.raises(Unauthorized):
        await auth.login(email, password[:-1] + "!")


async def test_the_same_characters_in_another_form_are_the_same_password(auth, email) -> None:
    await auth.register(email, "caf\u00e9 au lait")
    await auth.login(email, "cafe\u0301 au lait")


async def test_wrong_and_unknown_are_answered_alike(auth, email) -> None:
    await auth.register(email)
    errors = []
    for address in (email, f"x{email}", "no address at all"):
        with pytest.raises(Unauthorized) as refused:
            await auth.login(address, "wrong password")
        errors.append((refused.value.code, refused.value.message, refused.value.details))
    assert set(map(str, errors)) == {str(errors[0])}
    assert errors[0][0] == "INVALID_CREDENTIALS"


async def test_wrong_and_unknown_cost_the_same_work(auth, email, monkeypatch) -> None:
    """By what is done, not by the clock: one look into the database, one comparison of twelve rounds."""
    await auth.register(email)
    work: list[str] = []

    def compare(_: bytes, known: bytes) -> bool:
        work.append(known[:7].decode())
        return False

    def look(*arguments: Any) -> None:
        if "users" in arguments[2]:
            work.append(arguments[2])

    monkeypatch.setattr(bcrypt, "checkpw", compare)
    event.listen(Engine, "before_cursor_execute", look)
    done = []
    try:
        for address in (email, f"x{email}", "no address at all"):
            work.clear()
            with pytest.raises(Unauthorized):
                await auth.login(address, "wrong password")
            done.append(tuple(work))
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    assert len(done[0]) == 2 and done[0][1] == "$2b$12$"
    assert set(done) == {done[0]}


async def test_a_deleted_user_is_gone(auth, email) -> None:
    made = await auth.register(email)
    await auth.sql("UPDATE users SET deleted_at = now() WHERE id = %(id)s", id=made.user.id)
    with pytest.raises(NotFound):
        await auth.bus.ask(requests.AUTH_ME, accounts.UserRequest(user_id=made.user.id))
    with pytest.raises(Unauthorized):
        await auth.login(email)
    with pytest.raises(Unauthorized):
        await auth.refresh(made.refresh_token)


async def test_hashing_leaves_the_loop_free(auth, email) -> None:
    await auth.register(email)
    logins = [asyncio.create_task(auth.login(email)) for _ in range(4)]
    answered = 0
    while not all(login.done() for login in logins):
        await auth.bus.ask(requests.AUTH_KEYS, accounts.KeysRequest())
        answered += 1
    await asyncio.gather(*logins)
    # were the hashes worked out on the loop, there would be one answer between two of them
    assert answered > 20
