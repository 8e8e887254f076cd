"""Families: who is in one, as what, and who is invited."""

from fastapi import APIRouter
from mizzap_common.contracts import accounts, families, library, requests
from mizzap_common.contracts.events import FamilyRole
from mizzap_common.contracts.message import Request as Body
from pydantic import Field

from mizzap_gateway import problems
from mizzap_gateway.answers import Answer, Gone
from mizzap_gateway.parts import CallerHere, Id, PartsHere

router = APIRouter(prefix="/api/v1/families", tags=["families"])

_OWNERS = problems.responses(400, 401, 404, 503, OWNERS_ONLY=403)
_LAST_OWNER = problems.responses(400, 401, 404, 503, OWNERS_ONLY=403, LAST_OWNER=409)


class FamilyBody(Body):
    name: families.FamilyName


class InvitationBody(Body):
    role: families.InvitedRole
    email: accounts.Email | None = None
    """With it only an account of this address can accept."""


class AcceptBody(Body):
    token: str = Field(min_length=1, max_length=512)


class RoleBody(Body):
    role: FamilyRole


@router.post("", status_code=201, responses=problems.responses(400, 401, 404, 503, TOO_MANY_FAMILIES=409))
async def create_family(body: FamilyBody, caller: CallerHere, parts: PartsHere) -> Answer[families.FamilyWithMembers]:
    """Makes a family with the caller as its owner."""
    question = families.CreateFamily(user_id=caller.user_id, name=body.name)
    return Answer(data=await parts.bus.ask(requests.AUTH_CREATE_FAMILY, question))


@router.get("", responses=problems.responses(401, 503))
async def list_families(caller: CallerHere, parts: PartsHere) -> Answer[list[families.Family]]:
    """The families that the caller is in."""
    found = await parts.bus.ask(requests.AUTH_FAMILIES, library.UserRequest(user_id=caller.user_id))
    return Answer(data=found.families)


@router.post(
    "/accept",
    responses=problems.responses(
        400, 401, 503, INVITATION_UNKNOWN=404, ALREADY_MEMBER=409, FAMILY_FULL=409, TOO_MANY_FAMILIES=409
    ),
)
async def accept_invitation(
    body: AcceptBody, caller: CallerHere, parts: PartsHere
) -> Answer[families.FamilyWithMembers]:
    """Joins a family by an invitation's token, which counts once."""
    question = families.AcceptInvitation(user_id=caller.user_id, token=body.token)
    return Answer(data=await parts.bus.ask(requests.AUTH_ACCEPT, question))


@router.get("/{family_id}", responses=problems.responses(400, 401, 404, 503))
async def get_family(family_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[families.FamilyWithMembers]:
    """A family of the caller's, with its members."""
    question = families.FamilyRequest(user_id=caller.user_id, family_id=family_id)
    return Answer(data=await parts.bus.ask(requests.AUTH_FAMILY, question))


@router.put("/{family_id}", responses=_OWNERS)
async def rename_family(
    family_id: Id, body: FamilyBody, caller: CallerHere, parts: PartsHere
) -> Answer[families.FamilyWithMembers]:
    """Renames the family; its owners can."""
    question = families.RenameFamily(user_id=caller.user_id, family_id=family_id, name=body.name)
    return Answer(data=await parts.bus.ask(requests.AUTH_RENAME_FAMILY, question))


@router.delete("/{family_id}", responses=_OWNERS)
async def delete_family(family_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[Gone]:
    """Dissolves the family; its owners can. Albums are no longer shared with it."""
    question = families.FamilyRequest(user_id=caller.user_id, family_id=family_id)
    await parts.bus.ask(requests.AUTH_DELETE_FAMILY, question)
    return Answer(data=Gone(id=family_id))


@router.post(
    "/{family_id}/invitations",
    status_code=201,
    responses=problems.responses(400, 401, 404, 503, OWNERS_ONLY=403, TOO_MANY_INVITATIONS=409),
)
async def invite(
    family_id: Id, body: InvitationBody, caller: CallerHere, parts: PartsHere
) -> Answer[families.NewInvitation]:
    """Gives a token for one person to join with, within seven days; its owners can. We send no mail: hand it on."""
    question = families.Invite(user_id=caller.user_id, family_id=family_id, **body.model_dump())
    return Answer(data=await parts.bus.ask(requests.AUTH_INVITE, question))


@router.get("/{family_id}/invitations", responses=_OWNERS)
async def list_invitations(family_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[list[families.Invitation]]:
    """The open invitations, without their tokens; for owners."""
    question = families.FamilyRequest(user_id=caller.user_id, family_id=family_id)
    found = await parts.bus.ask(requests.AUTH_INVITATIONS, question)
    return Answer(data=found.invitations)


@router.delete("/{family_id}/invitations/{invitation_id}", responses=_OWNERS)
async def withdraw_invitation(family_id: Id, invitation_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[Gone]:
    """Takes an invitation back; owners can."""
    question = families.InvitationRequest(user_id=caller.user_id, family_id=family_id, invitation_id=invitation_id)
    await parts.bus.ask(requests.AUTH_WITHDRAW_INVITATION, question)
    return Answer(data=Gone(id=invitation_id))


@router.put("/{family_id}/members/{member_id}", responses=_LAST_OWNER)
async def change_role(
    family_id: Id, member_id: Id, body: RoleBody, caller: CallerHere, parts: PartsHere
) -> Answer[families.FamilyWithMembers]:
    """Gives a member, by user id, another role; owners can."""
    question = families.ChangeRole(user_id=caller.user_id, family_id=family_id, member_id=member_id, role=body.role)
    return Answer(data=await parts.bus.ask(requests.AUTH_CHANGE_ROLE, question))


@router.delete("/{family_id}/members/{member_id}", responses=_LAST_OWNER)
async def remove_member(family_id: Id, member_id: Id, caller: CallerHere, parts: PartsHere) -> Answer[Gone]:
    """Leaves the family, or removes a member from it, which owners can. The last owner can't leave others behind."""
    question = families.MemberRequest(user_id=caller.user_id, family_id=family_id, member_id=member_id)
    await parts.bus.ask(requests.AUTH_REMOVE_MEMBER, question)
    return Answer(data=Gone(id=member_id))
