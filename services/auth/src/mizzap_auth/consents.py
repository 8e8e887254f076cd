"""What users agree to: each purpose for itself, with the policy's version and the time, and never overwritten."""

from collections.abc import Iterable, Sequence
from typing import get_args

from mizzap_common import outbox
from mizzap_common.contracts import catalog, consents, events, library
from mizzap_common.contracts.events import Purpose
from mizzap_common.db import Database
from mizzap_common.errors import InvalidInput, NotFound
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_auth import consents_repository, repository
from mizzap_auth.audit import AuditLog

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


class Consents:
    """``versions`` are those of the policy on offer, the newest last."""

    def __init__(self, database: Database, audit: AuditLog, versions: Sequence[str]) -> None:
        self.database = database
        self.audit = audit
        self.versions = list(versions)

    async def list(self, request: library.UserRequest) -> consents.Consents:
        async with self.database.begin() as session:
            current = await consents_repository.current(session, request.user_id)
            history = await consents_repository.history(session, request.user_id)
        never = {
            purpose: consents.Consent(purpose=purpose, granted=False, version=None, at=None) for purpose in PURPOSES
        }
        return consents.Consents(versions=self.versions, current=[*(never | current).values()], history=history)

    async def change(self, request: consents.ChangeConsent) -> consents.Consent:
        """Saying the same again changes nothing. Raises InvalidInput for a version that is not on offer, and NotFound.

        What was agreed to can be taken back under its own version too, when that is no longer on offer.
        """
        async with self.database.begin() as session:
            there = await repository.hold_user(session, request.user_id)
            if not there or not await consents_repository.lock_user(session, request.user_id):
                raise NotFound("There is no such user.")
            standing = (await consents_repository.current(session, request.user_id)).get(request.purpose)
            withdrawn_as_given = standing is not None and not request.granted and standing.version == request.version
            if request.version not in self.versions and not withdrawn_as_given:
                raise InvalidInput("version: There is no such version of the policy on offer.", field="version")
            if standing and (standing.granted, standing.version) == (request.granted, request.version):
                return standing
            return await self._record(session, request)

    async def give(self, session: AsyncSession, user_id: int, purposes: Iterable[Purpose]) -> None:
        """Records what a new user agrees to, in the running transaction."""
        for purpose in purposes:
            version = self.versions[-1]
            given = consents.ChangeConsent(user_id=user_id, purpose=purpose, granted=True, version=version)
            await self._record(session, given)

    async def _record(self, session: AsyncSession, said: consents.ChangeConsent) -> consents.Consent:
        change, consent = await consents_repository.add(session, said)
        if said.purpose == "privacy":
            await consents_repository.mark_privacy(session, said.user_id, said.granted)
        changed = events.ConsentChanged(
            user_id=said.user_id, purpose=said.purpose, version=said.version, granted=said.granted, change=change
        )
        await outbox.add(session, catalog.CONSENT_CHANGED, changed)
        action = "consent.granted" if said.granted else "consent.withdrawn"
        await self.audit.note(session, said.user_id, action, f"consent/{said.purpose}")
        return consent
