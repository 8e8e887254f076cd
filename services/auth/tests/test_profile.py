"""What a user may change: the profile and the password."""

import asyncio

import pytest
from mizzap_auth.passwords import Passwords
from mizzap_common.contracts import accounts, requests
from mizzap_common.errors import InvalidInput, NotFound, Unauthorized
from pydantic import ValidationError


async def test_a_profile_keeps_what_is_left_out(auth) -> None:
    made = await auth.register(username="ada", full_name="Ada L.", country="GB")

    async def update(**fields: str) -> accounts.User:
        question = accounts.UpdateProfile(user_id=made.user.id, **fields)
        return await auth.bus.ask(requests.AUTH_UPDATE_PROFILE, question)

    changed = await update(full_name="Ada Lovelace")
    assert changed == made.user.model_copy(update={"full_name": "Ada Lovelace"})
    changed = await update(username="", country="FR")
    assert (changed.username, changed.full_name, changed.country) == (None, "Ada Lovelace", "FR")
    assert await auth.bus.ask(requests.AUTH_ME, accounts.UserRequest(user_id=made.user.id)) == changed


async def test_a_profile_has_no_other_fields(auth) -> None:
    with pytest.raises(ValidationError):
        accounts.UpdateProfile(user_id=1, tier="premium")  # type: ignore[call-arg]


async def test_a_new_password_ends_all_other_sessions(auth, email) -> None:
    here = await auth.register(email)
    others = [await auth.login(email) for _ in range(2)]
    stranger = await auth.register()
    ended = await auth.change_password(here, "correct horse")
    assert len(ended.session_ids) == 2
    for other in others:
        assert not await auth.is_alive(other)
        with pytest.raises(Unauthorized):
            await auth.refresh(other.refresh_token)
    assert await auth.is_alive(here) and await auth.is_alive(stranger)
    await auth.refresh(here.refresh_token)
    await auth.login(email, "battery staple")
    with pytest.raises(Unauthorized):
        await auth.login(email, "correct horse")


@pytest.mark.parametrize("password", ["x" * 73, "é" * 37, "🔑" * 30])
async def test_every_character_of_a_new_password_counts(auth, email, password) -> None:
    await auth.change_password(await auth.register(email), "correct horse", password)
    await auth.login(email, password)
    with pytest.raises(Unauthorized):
        await auth.login(email, password[:-1] + "!")


async def test_a_wrong_current_password_changes_nothing(auth, email) -> None:
    here, other = await auth.register(email), await auth.login(email)
    with pytest.raises(Unauthorized) as refused:
        await auth.change_password(here, "wrong horse")
    assert refused.value.code == "INVALID_CREDENTIALS"
    assert await auth.is_alive(other)
    await auth.login(email)


async def test_a_short_new_password_is_refused(auth) -> None:
    with pytest.raises(InvalidInput) as refused:
        await auth.change_password(await auth.register(), "correct horse", "1234567")
    assert refused.value.details == {"field": "newPassword"}


async def test_nobody_has_no_password_to_change(auth) -> None:
    made = await auth.register()
    await auth.sql("UPDATE users SET deleted_at = now() WHERE id = %(id)s", id=made.user.id)
    with pytest.raises(NotFound):
        await auth.change_password(made, "correct horse")


async def test_of_two_changes_at_once_one_counts(auth, email) -> None:
    here = await auth.register(email)
    passwords = ["first of them", "second of them"]
    results = await asyncio.gather(
        *(auth.change_password(here, "correct horse", new) for new in passwords), return_exceptions=True
    )
    assert sorted(isinstance(result, Unauthorized) for result in results) == [False, True]
    [winner] = [new for new, result in zip(passwords, results, strict=True) if not isinstance(result, Unauthorized)]
    await auth.login(email, winner)


async def test_no_session_of_the_old_password_slips_through(auth, email, monkeypatch) -> None:
    """A login that has checked the old password when the new one comes."""
    here = await auth.register(email)
    checked, changed = asyncio.Event(), asyncio.Event()
    original = Passwords.matches

    async def slow(self: Passwords, password: str, password_hash: str | None) -> bool:
        right = await original(self, password, password_hash)
        monkeypatch.undo()
        checked.set()
        await changed.wait()
        return right

    monkeypatch.setattr(Passwords, "matches", slow)
    late = asyncio.create_task(auth.login(email))
    await checked.wait()
    await auth.change_password(here, "correct horse")
    changed.set()
    with pytest.raises(Unauthorized):
        await late
