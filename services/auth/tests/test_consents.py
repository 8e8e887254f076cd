"""What users agree to, and how that is kept and told."""

import asyncio
from typing import Any

import psycopg
import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog, consents, library, requests
from mizzap_common.errors import InvalidInput, NotFound


async def _change(auth, user_id: int, purpose: str, granted: bool, version: str = "2") -> consents.Consent:
    question = consents.ChangeConsent(user_id=user_id, purpose=purpose, granted=granted, version=version)  # type: ignore[arg-type]
    return await auth.bus.ask(requests.AUTH_CHANGE_CONSENT, question)


async def _list(auth, user_id: int) -> consents.Consents:
    return await auth.bus.ask(requests.AUTH_CONSENTS, library.UserRequest(user_id=user_id))


async def _current(auth, user_id: int) -> dict[str, tuple[bool, str | None]]:
    return {c.purpose: (c.granted, c.version) for c in (await _list(auth, user_id)).current}


async def _told(auth, user_id: int, count: int) -> list[Any]:
    async def enough() -> list[Any]:
        found = await testing.published(auth.bus.jetstream, catalog.CONSENT_CHANGED)
        mine = [event for event in found if event.user_id == user_id]
        return mine if len(mine) >= count else []

    found: list[Any] = await testing.eventually(enough)
    return found


async def test_a_new_user_has_agreed_to_what_was_said_and_to_nothing_else(auth) -> None:
    silent, eager = await auth.register(), await auth.register(privacy_accepted=True, consents={"ai": True})
    never = (False, None)
    assert await _current(auth, silent.user.id) == {"privacy": never, "ai": never, "marketing": never}
    assert await _current(auth, eager.user.id) == {"privacy": (True, "2"), "ai": (True, "2"), "marketing": never}
    assert not silent.user.privacy_accepted and eager.user.privacy_accepted
    told = await _told(auth, eager.user.id, 2)
    assert {(event.purpose, event.granted, event.version) for event in told} == {
        ("privacy", True, "2"),
        ("ai", True, "2"),
    }
    assert {entry.purpose for entry in (await _list(auth, eager.user.id)).history} == {"privacy", "ai"}


async def test_each_change_is_kept_with_its_version_and_time(auth) -> None:
    user_id = (await auth.register()).user.id
    first = await _change(auth, user_id, "ai", True, "1")
    second = await _change(auth, user_id, "ai", True, "2")
    third = await _change(auth, user_id, "ai", False, "2")
    # said again, it is not said anew
    assert await _change(auth, user_id, "ai", False, "2") == third
    found = await _list(auth, user_id)
    assert found.versions == ["1", "2"]
    said = [(entry.granted, entry.version, entry.at) for entry in found.history]
    assert said == [(c.granted, c.version, c.at) for c in (third, second, first)]
    told = sorted(await _told(auth, user_id, 3), key=lambda event: event.change)
    assert [(event.granted, event.version) for event in told] == [(True, "1"), (True, "2"), (False, "2")]


async def test_a_word_about_one_purpose_says_nothing_about_another(auth) -> None:
    user_id = (await auth.register(consents={"marketing": True})).user.id
    await _change(auth, user_id, "ai", True)
    await _change(auth, user_id, "marketing", False)
    await _change(auth, user_id, "privacy", True)
    await _change(auth, user_id, "ai", False)
    agreed = {purpose: granted for purpose, (granted, _) in (await _current(auth, user_id)).items()}
    assert agreed == {"privacy": True, "ai": False, "marketing": False}
    history = [(entry.purpose, entry.granted) for entry in (await _list(auth, user_id)).history]
    assert history == [
        ("ai", False), ("privacy", True), ("marketing", False), ("ai", True), ("marketing", True),
    ]  # fmt: skip


async def test_an_unknown_version_is_refused(auth) -> None:
    user_id = (await auth.register()).user.id
    for granted in (True, False):
        with pytest.raises(InvalidInput) as refused:
            await _change(auth, user_id, "ai", granted, "3")
        assert refused.value.details["field"] == "version"
    assert (await _list(auth, user_id)).history == []


async def test_what_was_agreed_to_is_taken_back_though_its_version_is_gone(auth) -> None:
    user_id = (await auth.register()).user.id
    await auth.sql(
        "INSERT INTO consents (user_id, purpose, version, granted) VALUES (%(u)s, 'ai', 'old', true)", u=user_id
    )
    assert not (await _change(auth, user_id, "ai", False, "old")).granted


async def test_the_account_says_whether_privacy_stands(auth) -> None:
    user_id = (await auth.register(privacy_accepted=True)).user.id
    columns = "SELECT privacy_accepted, gdpr_consent_date IS NOT NULL FROM users WHERE id = %(u)s"
    for granted in (False, True):
        await _change(auth, user_id, "privacy", granted)
        assert await auth.sql(columns, u=user_id) == [(granted, granted)]


async def test_of_many_at_once_the_last_one_counts_everywhere(auth) -> None:
    user_id = (await auth.register()).user.id
    await asyncio.gather(*(_change(auth, user_id, "ai", n % 2 == 0) for n in range(12)))
    history = (await _list(auth, user_id)).history
    told = sorted(await _told(auth, user_id, len(history)), key=lambda event: -event.change)
    assert [event.granted for event in told] == [entry.granted for entry in history]
    assert (await _current(auth, user_id))["ai"][0] == told[0].granted


async def test_nobody_s_consents(auth) -> None:
    with pytest.raises(NotFound):
        await _change(auth, 2**40, "ai", True)


async def test_what_was_said_can_t_be_rewritten(auth) -> None:
    user_id = (await auth.register(consents={"marketing": True})).user.id
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await auth.sql("UPDATE consents SET granted = false WHERE user_id = %(u)s", u=user_id)
