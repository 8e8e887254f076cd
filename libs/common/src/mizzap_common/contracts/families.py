"""Requests and answers around families."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mizzap_common.contracts.accounts import Email
from mizzap_common.contracts.events import FamilyRole
from mizzap_common.contracts.library import UserRequest
from mizzap_common.contracts.message import Message

FamilyName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
FamilyId = Annotated[int, Field(ge=1, le=2**63 - 1)]
InvitedRole = Literal["member", "viewer"]


class CreateFamily(UserRequest):
    name: FamilyName


class FamilyRequest(UserRequest):
    family_id: FamilyId


class RenameFamily(FamilyRequest):
    name: FamilyName


class Invite(FamilyRequest):
    role: InvitedRole
    email: Email | None = None
    """With it only an account of this address can accept."""


class InvitationRequest(FamilyRequest):
    invitation_id: FamilyId


class AcceptInvitation(UserRequest):
    token: str = Field(min_length=1, max_length=512)


class MemberRequest(FamilyRequest):
    member_id: FamilyId
    """The member's user id."""


class ChangeRole(MemberRequest):
    role: FamilyRole


class Family(Message):
    id: int
    name: str
    role: FamilyRole
    """The caller's."""
    member_count: int
    created_at: datetime


class Families(Message):
    families: list[Family]


class Member(Message):
    user_id: int
    name: str | None
    """As the member calls themself; never an e-mail address."""
    role: FamilyRole
    joined_at: datetime


class FamilyWithMembers(Family):
    members: list[Member]


class Invitation(Message):
    id: int
    role: InvitedRole
    bound_to_address: bool
    """Whether only the account of the invited address can accept it."""
    created_at: datetime
    expires_at: datetime


class NewInvitation(Invitation):
    token: str
    """For the invited; it can't be had again."""


class Invitations(Message):
    invitations: list[Invitation]
