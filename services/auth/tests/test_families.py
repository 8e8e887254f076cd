"""Families: who sees one, who may do what, and invitations that count once."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from mizzap_common import testing
from mizzap_common.contracts import accounts, catalog, families, library, requests
from mizzap_common.errors import Conflict, Forbidden, MizzapError, NotFound


def a_mail() -> str:
    return f"{uuid4().hex}@mizzap.test"


class People:
    """What a test's users do, in their words."""

    def __init__(self, auth: Any) -> None:
        self.auth = auth
        self.ask = auth.bus.ask

    async def user(self, email: str | None = None, **more: Any) -> int:
        made: accounts.Session = await self.auth.register(email, **more)
        return made.user.id

    async def create(self, user: int, name: str = "Home") -> int:
        return (await self.ask(requests.AUTH_CREATE_FAMILY, families.CreateFamily(user_id=user, name=name))).id

    async def invite(
        self, user: int, family: int, role: str = "member", email: str | None = None
    ) -> families.NewInvitation:
        question = families.Invite(user_id=user, family_id=family, role=role, email=email)  # type: ignore[arg-type]
        return await self.ask(requests.AUTH_INVITE, question)

    async def accept(self, user: int, token: str) -> families.FamilyWithMembers:
        return await self.ask(requests.AUTH_ACCEPT, families.AcceptInvitation(user_id=user, token=token))

    async def join(self, owner: int, family: int, role: str = "member", **more: Any) -> int:
        user = await self.user(**more)
        await self.accept(user, (await self.invite(owner, family, role)).token)
        return user

    async def get(self, user: int, family: int) -> families.FamilyWithMembers:
        return await self.ask(requests.AUTH_FAMILY, families.FamilyRequest(user_id=user, family_id=family))

    async def roles(self, user: int, family: int) -> dict[int, str]:
        return {member.user_id: member.role for member in (await self.get(user, family)).members}

    async def make(self, user: int, family: int, member: int, role: str) -> None:
        question = families.ChangeRole(user_id=user, family_id=family, member_id=member, role=role)  # type: ignore[arg-type]
        await self.ask(requests.AUTH_CHANGE_ROLE, question)

    async def remove(self, user: int, family: int, member: int) -> None:
        await self.ask(
            requests.AUTH_REMOVE_MEMBER, families.MemberRequest(user_id=user, family_id=family, member_id=member)
        )

    async def told(self, event: catalog.Event[Any], family: int, count: int = 1) -> list[Any]:
        async def enough() -> list[Any]:
            found = await testing.published(self.auth.bus.jetstream, event)
            mine = [payload for payload in found if payload.family_id == family]
            return mine if len(mine) >= count else []

        found: list[Any] = await testing.eventually(enough)
        return found


@pytest.fixture
def people(auth: Any) -> People:
    return People(auth)


async def test_a_family_grows_by_invitation(people: People) -> None:
    owner = await people.user(full_name="Ada L.", username="ada")
    family = await people.create(owner)
    invitation = await people.invite(owner, family, "viewer")
    guest = await people.user(username="bob")
    joined = await people.accept(guest, invitation.token)
    assert (joined.id, joined.name, joined.role, joined.member_count) == (family, "Home", "viewer", 2)
    assert [(m.user_id, m.name, m.role) for m in joined.members] == [
        (owner, "Ada L.", "owner"),
        (guest, "bob", "viewer"),
    ]
    nameless = await people.join(owner, family)
    assert (await people.get(owner, family)).members[-1].name is None, "an address is no name"
    listed = await people.ask(requests.AUTH_FAMILIES, library.UserRequest(user_id=guest))
    assert [(f.id, f.role, f.member_count) for f in listed.families] == [(family, "viewer", 3)]
    told = await people.told(catalog.USER_JOINED_FAMILY, family, 3)
    assert [(e.user_id, e.role, e.audience) for e in told] == [
        (owner, "owner", [owner]), (guest, "viewer", [owner, guest]), (nameless, "member", [owner, guest, nameless]),
    ]  # fmt: skip
    assert told[0].change < told[1].change < told[2].change
    assert told[1].watchers == {owner, guest}


async def test_an_invitation_counts_once_however_many_use_it(people: People) -> None:
    owner = await people.user()
    family = await people.create(owner)
    token = (await people.invite(owner, family)).token
    guests = [await people.user() for _ in range(6)]
    results = await asyncio.gather(*(people.accept(guest, token) for guest in guests), return_exceptions=True)
    assert sum(isinstance(result, families.FamilyWithMembers) for result in results) == 1
    assert sum(isinstance(result, NotFound) for result in results) == 5
    assert len(await people.roles(owner, family)) == 2


async def test_bad_invitations_are_refused_alike(people: People) -> None:
    owner, stranger = await people.user(), await people.user()
    family = await people.create(owner)
    invited = a_mail()
    foreign = await people.invite(owner, family, email=invited)
    old = await people.invite(owner, family)
    await people.auth.sql("UPDATE family_invitations SET expires_at = now() WHERE id = %(id)s", id=old.id)
    withdrawn = await people.invite(owner, family)
    question = families.InvitationRequest(user_id=owner, family_id=family, invitation_id=withdrawn.id)
    await people.ask(requests.AUTH_WITHDRAW_INVITATION, question)
    answers = set()
    for token in (foreign.token, old.token, withdrawn.token, "never was one"):
        with pytest.raises(NotFound) as refused:
            await people.accept(stranger, token)
        answers.add((refused.value.code, refused.value.message, str(refused.value.details)))
    assert len(answers) == 1
    # what was refused to a stranger is still good for who is meant, however the address is written
    guest = await people.user(invited)
    assert (await people.accept(guest, foreign.token)).member_count == 2


async def test_inviting_tells_nothing_and_keeps_neither_token_nor_address(people: People) -> None:
    owner, known = await people.user(), a_mail()
    await people.user(known)
    family = await people.create(owner)
    made = [await people.invite(owner, family, email=address) for address in (known, a_mail())]
    assert {frozenset(invitation.model_dump(exclude={"id", "token", "created_at", "expires_at"}).items()) for invitation in made} == {
        frozenset({("role", "member"), ("bound_to_address", True)})
    }  # fmt: skip
    stored = str(await people.auth.sql("SELECT * FROM family_invitations WHERE family_id = %(f)s", f=family))
    assert made[0].token not in stored and known not in stored
    listed = await people.ask(requests.AUTH_INVITATIONS, families.FamilyRequest(user_id=owner, family_id=family))
    assert [invitation.id for invitation in listed.invitations] == [invitation.id for invitation in made]


async def test_the_token_of_a_member_is_not_used_up(people: People) -> None:
    owner = await people.user()
    family = await people.create(owner)
    member = await people.join(owner, family)
    token = (await people.invite(owner, family)).token
    with pytest.raises(Conflict) as refused:
        await people.accept(member, token)
    assert refused.value.code == "ALREADY_MEMBER"
    assert (await people.accept(await people.user(), token)).member_count == 3


async def _outcome(
    people: People, question: Any, method: requests.Method[Any, Any], number: int
) -> tuple[str, str, str]:
    try:
        await people.ask(method, question)
    except MizzapError as error:
        return type(error).__name__, error.message, str(error.details).replace(str(number), "ID")
    return "answered", "", ""


async def test_who_may_do_what(people: People) -> None:
    owner = await people.user()
    family = await people.create(owner)
    member, viewer = await people.join(owner, family), await people.join(owner, family, "viewer")
    invitation = await people.invite(owner, family)
    stranger = await people.user()

    def questions(user: int, family: int) -> list[tuple[requests.Method[Any, Any], Any]]:
        about: dict[str, Any] = {"user_id": user, "family_id": family}
        return [
            (requests.AUTH_FAMILY, families.FamilyRequest(**about)),
            (requests.AUTH_RENAME_FAMILY, families.RenameFamily(**about, name="x")),
            (requests.AUTH_INVITE, families.Invite(**about, role="member")),
            (requests.AUTH_INVITATIONS, families.FamilyRequest(**about)),
            (requests.AUTH_WITHDRAW_INVITATION, families.InvitationRequest(**about, invitation_id=invitation.id)),
            (requests.AUTH_CHANGE_ROLE, families.ChangeRole(**about, member_id=owner, role="viewer")),
            (requests.AUTH_REMOVE_MEMBER, families.MemberRequest(**about, member_id=owner)),
            (requests.AUTH_DELETE_FAMILY, families.FamilyRequest(**about)),
        ]

    missing = 2**50
    for (method, foreign), (_, never) in zip(questions(stranger, family), questions(stranger, missing), strict=True):
        answer = await _outcome(people, foreign, method, family)
        assert answer[0] == "NotFound"
        assert answer == await _outcome(people, never, method, missing), method.name
    for user in (member, viewer):
        outcomes = [(await _outcome(people, q, method, family))[0] for method, q in questions(user, family)]
        assert outcomes == ["answered", *["Forbidden"] * 7]
    assert await people.roles(owner, family) == {owner: "owner", member: "member", viewer: "viewer"}


async def test_the_last_owner_leaves_nobody_behind(people: People) -> None:
    owner = await people.user()
    family = await people.create(owner)
    member = await people.join(owner, family)
    for step in (people.remove(owner, family, owner), people.make(owner, family, owner, "viewer")):
        with pytest.raises(Conflict) as refused:
            await step
        assert refused.value.code == "LAST_OWNER"
    await people.make(owner, family, member, "owner")
    [changed] = await people.told(catalog.FAMILY_CHANGED, family)
    assert [(m.user_id, m.role) for m in changed.members] == [(owner, "owner"), (member, "owner")]
    await people.remove(owner, family, owner)
    [left] = await people.told(catalog.USER_LEFT_FAMILY, family)
    assert (left.user_id, left.role, set(left.audience)) == (owner, "owner", {owner, member})
    with pytest.raises(NotFound):
        await people.get(owner, family)
    # the last one of all takes the family along
    await people.remove(member, family, member)
    [deleted] = await people.told(catalog.FAMILY_DELETED, family)
    assert deleted.audience == [member] and deleted.change > left.change > changed.change


async def test_two_owners_who_leave_at_once_leave_no_family_without_one(people: People) -> None:
    owner = await people.user()
    family = await people.create(owner)
    other, member = await people.join(owner, family), await people.join(owner, family)
    await people.make(owner, family, other, "owner")
    leaving = [people.remove(user, family, user) for user in (owner, other)]
    results = await asyncio.gather(*leaving, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    assert sorted((await people.roles(member, family)).values()) == ["member", "owner"]


async def test_an_owner_removes_members_and_dissolves_the_family(people: People) -> None:
    owner = await people.user()
    family = await people.create(owner)
    gone, member = await people.join(owner, family), await people.join(owner, family)
    await people.remove(owner, family, gone)
    with pytest.raises(NotFound):
        await people.remove(owner, family, gone)
    with pytest.raises(Forbidden):
        await people.remove(member, family, owner)
    token = (await people.invite(owner, family)).token
    await people.ask(requests.AUTH_DELETE_FAMILY, families.FamilyRequest(user_id=owner, family_id=family))
    [deleted] = await people.told(catalog.FAMILY_DELETED, family)
    assert set(deleted.audience) == {owner, member}
    with pytest.raises(NotFound):
        await people.accept(gone, token)
