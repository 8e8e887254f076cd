"""What the auth service decides about families: who is in one, as what, and who may invite."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from mizzap_common import addresses, outbox
from mizzap_common.contracts import catalog, families, family_events, library
from mizzap_common.contracts.events import FamilyRole
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, Forbidden, NotFound
from mizzap_common.sealed import KeyRing, SealBroken
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_auth import families_repository, repository, tokens
from mizzap_auth.audit import AuditLog
from mizzap_auth.emails import Emails
from mizzap_auth.families_repository import NewInvitation, Standing

MOST_MEMBERS = 50
MOST_FAMILIES = 50
"""Of one user."""
MOST_INVITATIONS = 50
"""Open ones of a family."""


class Families:
    """A family that the caller is not in answers like one that never was: NotFound."""

    def __init__(self, database: Database, audit: AuditLog, ring: KeyRing, invitation_days: int) -> None:
        self.database = database
        self.audit = audit
        self.ring = ring
        self.emails = Emails(ring)
        self.invitation_lasts = timedelta(days=invitation_days)

    async def create(self, request: families.CreateFamily) -> families.FamilyWithMembers:
        """Makes a family with the caller as its owner. Raises Conflict when the caller has too many, and NotFound."""
        async with self.database.begin() as session:
            await self._hold_user(session, request.user_id)
            await self._make_room(session, request.user_id)
            family_id = await families_repository.add(session, request.name)
            return await self._join(session, family_id, request.user_id, "owner")

    async def list(self, request: library.UserRequest) -> families.Families:
        async with self.database.begin() as session:
            return families.Families(families=await families_repository.of_user(session, request.user_id))

    async def get(self, request: families.FamilyRequest) -> families.FamilyWithMembers:
        async with self.database.begin() as session:
            await self._standing(session, request)
            return await self._shown(session, request.family_id, request.user_id)

    async def rename(self, request: families.RenameFamily) -> families.FamilyWithMembers:
        """Raises Forbidden for who is no owner."""
        async with self.database.begin() as session:
            await self._as_owner(session, request)
            await families_repository.rename(session, request.family_id, request.name)
            await self._tell_changed(session, request)
            return await self._shown(session, request.family_id, request.user_id)

    async def delete(self, request: families.FamilyRequest) -> library.Done:
        """Raises Forbidden for who is no owner."""
        async with self.database.begin() as session:
            await self._as_owner(session, request)
            await self._dissolve(session, request.family_id, request.user_id)
        return library.Done()

    # --- invitations --------------------------------------------------------------------------------------------

    async def invite(self, request: families.Invite) -> families.NewInvitation:
        """Gives the token to hand to the invited. Tells nothing of whether an address has an account.

        Raises Forbidden for who is no owner, InvalidInput for what is no address, Conflict for too many invitations.
        """
        index = None if request.email is None else self._address_indexes(addresses.valid(request.email))[0]
        token = tokens.new_refresh_token()
        async with self.database.begin() as session:
            await self._as_owner(session, request)
            if len(await families_repository.invitations(session, request.family_id)) >= MOST_INVITATIONS:
                raise Conflict("There are too many open invitations.", code="TOO_MANY_INVITATIONS")
            new = NewInvitation(request.family_id, request.role, tokens.hash_of(token), index, self.invitation_lasts)
            made = await families_repository.add_invitation(session, new)
            await self.audit.note(session, request.user_id, "family.invited", f"family/{request.family_id}")
        return families.NewInvitation(token=token, **made.model_dump())

    async def invitations(self, request: families.FamilyRequest) -> families.Invitations:
        """The open ones. Raises Forbidden for who is no owner."""
        async with self.database.begin() as session:
            await self._as_owner(session, request)
            return families.Invitations(invitations=await families_repository.invitations(session, request.family_id))

    async def withdraw_invitation(self, request: families.InvitationRequest) -> library.Done:
        """Raises Forbidden for who is no owner, NotFound."""
        async with self.database.begin() as session:
            await self._as_owner(session, request)
            if not await families_repository.remove_invitation(session, request.family_id, request.invitation_id):
                raise NotFound("There is no such invitation.", invitationId=request.invitation_id)
        return library.Done()

    async def accept(self, request: families.AcceptInvitation) -> families.FamilyWithMembers:
        """Uses an invitation up. Raises NotFound INVITATION_UNKNOWN for a token that is wrong, used, too old or
        somebody else's, and Conflict for who is a member already."""
        token_hash = tokens.hash_of(request.token)
        async with self.database.begin() as session:
            await self._hold_user(session, request.user_id)
            family_id = await families_repository.family_invited_to(session, token_hash)
            if family_id is None or not await families_repository.lock(session, family_id):
                raise _unknown_invitation()
            used = await families_repository.use_invitation(session, token_hash)
            if used is None or not await self._is_for(session, used.email_index, request.user_id):
                raise _unknown_invitation()
            if await families_repository.role_of(session, family_id, request.user_id):
                raise Conflict("You are a member of this family already.", code="ALREADY_MEMBER")
            await self._make_room(session, request.user_id)
            if len(await families_repository.roles(session, family_id)) >= MOST_MEMBERS:
                raise Conflict("The family has as many members as it can have.", code="FAMILY_FULL")
            return await self._join(session, family_id, request.user_id, used.role)

    async def _is_for(self, session: AsyncSession, email_index: bytes | None, user_id: int) -> bool:
        if email_index is None:
            return True
        user = await repository.find_user(session, user_id)
        return user is not None and email_index in self._address_indexes(self.emails.open(user_id, user.email))

    def _address_indexes(self, email: str) -> Sequence[bytes]:
        return self.ring.indexes(addresses.normalised(email), "family_invitations/email")

    # --- members ------------------------------------------------------------------------------------------------

    async def change_role(self, request: families.ChangeRole) -> families.FamilyWithMembers:
        """Raises Forbidden for who is no owner, NotFound, and Conflict LAST_OWNER."""
        async with self.database.begin() as session:
            await self._as_owner(session, request)
            standing = await self._member(session, request)
            if standing.role != request.role:
                if standing.is_last_owner:
                    raise _last_owner()
                await families_repository.change_role(session, request.family_id, request.member_id, request.role)
                await self._tell_changed(session, request)
                await self.audit.note(
                    session, request.member_id, f"family.made_{request.role}", f"family/{request.family_id}"
                )
            return await self._shown(session, request.family_id, request.user_id)

    async def remove_member(self, request: families.MemberRequest) -> library.Done:
        """Oneself leaves, an owner removes others. A family that nobody is in any more is gone.

        Raises Forbidden for who is no owner, NotFound, and Conflict LAST_OWNER while others would stay without one.
        """
        async with self.database.begin() as session:
            if request.member_id != request.user_id:
                await self._as_owner(session, request)
            else:
                await self._standing(session, request, lock=True)
            standing = await self._member(session, request)
            if standing.members == 1:
                await self._dissolve(session, request.family_id, request.user_id)
            elif standing.is_last_owner:
                raise _last_owner()
            else:
                await self._leave(session, request.family_id, request.member_id, standing.role)
        return library.Done()

    async def leave_all(self, session: AsyncSession, user_id: int) -> None:
        """Takes a user whose account is erased out of every family. A family without an owner is inherited by who has
        been in it longest. Invitations to their address go too."""
        user = await repository.find_user(session, user_id)
        if user is not None:
            # an address that can't be opened keeps nobody from leaving: its invitations end by themselves
            with suppress(SealBroken):
                indexes = self._address_indexes(self.emails.open(user_id, user.email))
                await families_repository.remove_invitations_for(session, indexes)
        mine = await families_repository.of_user(session, user_id)
        # all of them before the first note: others lock a family, then its members' logs
        for family in mine:
            await families_repository.lock(session, family.id)
        for family in mine:
            standing = await families_repository.standing(session, family.id, user_id)
            if standing is None:
                continue
            if standing.members == 1:
                await self._dissolve(session, family.id, user_id)
                continue
            if standing.is_last_owner:
                heir = await families_repository.longest_member(session, family.id, user_id)
                await families_repository.change_role(session, family.id, heir, "owner")
            await self._leave(session, family.id, user_id, standing.role)
            await self._tell_changed(session, families.FamilyRequest(user_id=user_id, family_id=family.id))

    # --- what they share ----------------------------------------------------------------------------------------

    async def _standing(self, session: AsyncSession, request: families.FamilyRequest, lock: bool = False) -> Standing:
        """How the caller stands. With ``lock`` nobody else changes the family until the transaction ends."""
        there = await families_repository.lock(session, request.family_id) if lock else True
        standing = await families_repository.standing(session, request.family_id, request.user_id) if there else None
        if standing is None:
            raise NotFound("There is no such family.", familyId=request.family_id)
        return standing

    async def _as_owner(self, session: AsyncSession, request: families.FamilyRequest) -> None:
        standing = await self._standing(session, request, lock=True)
        if standing.role != "owner":
            raise Forbidden("Only an owner of the family can do that.", code="OWNERS_ONLY")

    async def _member(self, session: AsyncSession, request: families.MemberRequest) -> Standing:
        standing = await families_repository.standing(session, request.family_id, request.member_id)
        if standing is None:
            raise NotFound("There is no such member.", memberId=request.member_id)
        return standing

    async def _hold_user(self, session: AsyncSession, user_id: int) -> None:
        # an account that is closed meanwhile would leave the families that it knows of, and not the one to come
        if not await repository.hold_user(session, user_id):
            raise NotFound("There is no such user.")

    async def _make_room(self, session: AsyncSession, user_id: int) -> None:
        if len(await families_repository.of_user(session, user_id)) >= MOST_FAMILIES:
            raise Conflict("You are in as many families as one can be.", code="TOO_MANY_FAMILIES")

    async def _join(
        self, session: AsyncSession, family_id: int, user_id: int, role: FamilyRole
    ) -> families.FamilyWithMembers:
        await families_repository.add_member(session, family_id, user_id, role)
        joined = family_events.FamilyMemberEvent(
            user_id=user_id,
            family_id=family_id,
            role=role,
            audience=list(await families_repository.roles(session, family_id)),
            change=await families_repository.next_change(session, family_id),
        )
        await outbox.add(session, catalog.USER_JOINED_FAMILY, joined)
        await self.audit.note(session, user_id, "family.joined", f"family/{family_id}")
        return await self._shown(session, family_id, user_id)

    async def _leave(self, session: AsyncSession, family_id: int, user_id: int, role: FamilyRole) -> None:
        audience = list(await families_repository.roles(session, family_id))
        await families_repository.remove_member(session, family_id, user_id)
        left = family_events.FamilyMemberEvent(
            user_id=user_id,
            family_id=family_id,
            role=role,
            audience=audience,
            change=await families_repository.next_change(session, family_id),
        )
        await outbox.add(session, catalog.USER_LEFT_FAMILY, left)
        await self.audit.note(session, user_id, "family.left", f"family/{family_id}")

    async def _dissolve(self, session: AsyncSession, family_id: int, user_id: int) -> None:
        audience = list(await families_repository.roles(session, family_id))
        change = await families_repository.next_change(session, family_id)
        await families_repository.remove(session, family_id)
        deleted = family_events.FamilyDeleted(user_id=user_id, family_id=family_id, audience=audience, change=change)
        await outbox.add(session, catalog.FAMILY_DELETED, deleted)
        for member_id in sorted(audience):
            await self.audit.note(session, member_id, "family.deleted", f"family/{family_id}")

    async def _tell_changed(self, session: AsyncSession, request: families.FamilyRequest) -> None:
        roles = await families_repository.roles(session, request.family_id)
        changed = family_events.FamilyChanged(
            user_id=request.user_id,
            family_id=request.family_id,
            audience=list(roles),
            change=await families_repository.next_change(session, request.family_id),
            members=[family_events.FamilyMembership(user_id=user_id, role=role) for user_id, role in roles.items()],
        )
        await outbox.add(session, catalog.FAMILY_CHANGED, changed)

    async def _shown(self, session: AsyncSession, family_id: int, user_id: int) -> families.FamilyWithMembers:
        mine = await families_repository.of_user(session, user_id)
        [family] = [family for family in mine if family.id == family_id]
        members = await families_repository.members(session, family_id)
        return families.FamilyWithMembers(members=members, **family.model_dump())


def _unknown_invitation() -> NotFound:
    return NotFound("This invitation does not exist, or not any more.", code="INVITATION_UNKNOWN")


def _last_owner() -> Conflict:
    return Conflict("Others are in this family: make one of them an owner first.", code="LAST_OWNER")
