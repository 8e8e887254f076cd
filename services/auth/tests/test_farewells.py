"""What a closed account leaves behind with others: families that go on, sessions that gateways hear the end of."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog, erasing, requests
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from sqlalchemy import text

from services.auth.tests.test_families import People, a_mail, people
from services.auth.tests.waiting import waiting

__all__ = ["people"]


async def close(people: People, user_id: int) -> None:
    question = erasing.CloseAccount(user_id=user_id, password="correct horse")  # type: ignore[arg-type]
    await people.ask(requests.AUTH_CLOSE_ACCOUNT, question)


@pytest.fixture
async def database(auth: Any) -> AsyncIterator[Database]:
    database = Database(auth.database_url)
    yield database
    await database.close()


async def close_during(people: People, database: Database, user_id: int, joining: Coroutine[Any, Any, Any]) -> None:
    """Closes the account while ``joining`` has written all but its last, the audit log's entry, and not committed."""
    async with database.begin() as session:
        head = text("SELECT 1 FROM audit_heads WHERE user_id = :id FOR UPDATE")
        await session.execute(head, {"id": user_id})
        joins = asyncio.create_task(joining)
        await waiting(database, 1)
        closes = asyncio.create_task(close(people, user_id))
        await waiting(database, 2)
    await asyncio.gather(joins, closes)


async def test_a_family_is_inherited_by_who_has_been_in_it_longest(people: People) -> None:
    owner = await people.user()
    family = await people.create(owner)
    heir, other = await people.join(owner, family, "viewer"), await people.join(owner, family)
    await close(people, owner)
    assert await people.roles(other, family) == {heir: "owner", other: "member"}
    [left] = await people.told(catalog.USER_LEFT_FAMILY, family)
    assert (left.user_id, set(left.audience)) == (owner, {owner, heir, other})
    [changed] = await people.told(catalog.FAMILY_CHANGED, family)
    assert {member.user_id: member.role for member in changed.members} == {heir: "owner", other: "member"}
    assert changed.change > left.change


async def test_another_owner_keeps_the_family_and_a_member_just_leaves(people: People) -> None:
    owner = await people.user()
    family = await people.create(owner)
    member = await people.join(owner, family)
    await close(people, member)
    assert await people.roles(owner, family) == {owner: "owner"}


async def test_a_family_goes_with_its_last_member(people: People, auth: Any) -> None:
    owner = await people.user()
    families = [await people.create(owner), await people.create(owner)]
    await people.invite(owner, families[0])
    await close(people, owner)
    for family in families:
        [deleted] = await people.told(catalog.FAMILY_DELETED, family)
        assert deleted.audience == [owner]
        assert await auth.sql("SELECT 1 FROM families WHERE id = %(id)s", id=family) == []
        assert await auth.sql("SELECT 1 FROM family_invitations WHERE family_id = %(id)s", id=family) == []


async def test_a_family_that_is_just_being_made_goes_too(people: People, auth: Any, database: Database) -> None:
    user_id, name = await people.user(), f"family {a_mail()}"
    await close_during(people, database, user_id, people.create(user_id, name))
    assert await auth.sql("SELECT 1 FROM families WHERE name = %(name)s", name=name) == []
    with pytest.raises(NotFound):
        await people.create(user_id, name)


async def test_a_family_that_is_just_being_joined_hears_of_the_leaving(people: People, database: Database) -> None:
    owner, guest = await people.user(), await people.user()
    family = await people.create(owner)
    invitations = [await people.invite(owner, family) for _ in range(2)]
    await close_during(people, database, guest, people.accept(guest, invitations[0].token))
    [left] = await people.told(catalog.USER_LEFT_FAMILY, family)
    assert (left.user_id, left.audience) == (guest, [owner, guest])
    assert await people.roles(owner, family) == {owner: "owner"}
    with pytest.raises(NotFound):
        await people.accept(guest, invitations[1].token)


async def test_invitations_to_the_address_go_and_others_stay(people: People) -> None:
    email = a_mail()
    owner, guest = await people.user(), await people.user(email)
    family = await people.create(owner)
    gone, stays = await people.invite(owner, family, email=email), await people.invite(owner, family)
    await close(people, guest)
    # the address is somebody else's now, and the invitation was not theirs
    successor = await people.user(email)
    with pytest.raises(NotFound):
        await people.accept(successor, gone.token)
    await people.accept(successor, stays.token)


async def test_every_session_is_told_to_have_ended(people: People, auth: Any) -> None:
    email = a_mail()
    one, two = await auth.register(email), await auth.login(email)
    await close(people, one.user.id)

    async def ended() -> bool:
        told = await testing.published(auth.bus.jetstream, catalog.SESSION_ENDED)
        mine = {event.session_id for event in told if event.user_id == one.user.id}
        return mine == {auth.session_of(one), auth.session_of(two)}

    await testing.eventually(ended)
    assert not await auth.is_alive(one)


async def test_consents_and_the_audit_log_go_too(people: People, auth: Any) -> None:
    user_id = await people.user(privacy_accepted=True)
    tables = ("consents", "audit_log", "audit_heads")
    for table in tables:
        assert await auth.sql(f"SELECT 1 FROM {table} WHERE user_id = %(id)s LIMIT 1", id=user_id) == [(1,)]
    await close(people, user_id)
    for table in tables:
        assert await auth.sql(f"SELECT 1 FROM {table} WHERE user_id = %(id)s", id=user_id) == []
