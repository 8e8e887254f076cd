"""Sessions, one a login: their tokens, who sees and ends them."""

from datetime import timedelta

import structlog
from mizzap_common import outbox
from mizzap_common.contracts import accounts, catalog, events
from mizzap_common.db import Database
from mizzap_common.errors import NotFound, Unauthorized
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_auth import repository as users
from mizzap_auth import sessions_repository as repository
from mizzap_auth import tokens
from mizzap_auth.audit import AuditLog
from mizzap_auth.emails import Emails
from mizzap_auth.ledger import Ledger
from mizzap_auth.models import UserRow
from mizzap_auth.settings import AuthSettings
from mizzap_auth.tokens import Signer

_UNNAMED = "Unknown device"
_SECONDS_A_DAY = 86_400

log = structlog.get_logger(__name__)


class Sessions:
    """A session is alive until it ends: by its user, by a stolen refresh token, or when it was not used for long."""

    def __init__(
        self, database: Database, emails: Emails, signer: Signer, settings: AuthSettings, audit: AuditLog,
        ledger: Ledger,
    ) -> None:  # fmt: skip
        self.database = database
        self.emails = emails
        self.signer = signer
        self.audit = audit
        self.ledger = ledger
        self.days = settings.session_days
        self.grace = timedelta(seconds=settings.refresh_grace_seconds)

    async def open(self, session: AsyncSession, user: UserRow, device_name: str | None) -> accounts.Session:
        """A new session, in the running transaction. Raises Unauthorized ACCOUNT_DELETED."""
        assert user.id is not None
        self._refuse_erased(user.id)
        refresh_token = tokens.new_refresh_token()
        session_id = await repository.open_session(
            session, user.id, device_name or _UNNAMED, tokens.hash_of(refresh_token), self.days
        )
        return self._tokens(user, session_id, refresh_token)

    async def refresh(self, request: accounts.Refresh) -> accounts.Session:
        """The one successor of a refresh token. Raises Unauthorized INVALID_REFRESH_TOKEN, or ACCOUNT_DELETED.

        A token that comes again after its grace was stolen, or its thief was first: the whole session ends.
        """
        token_hash = tokens.hash_of(request.refresh_token)
        async with self.database.begin() as session:
            owner = await repository.owner_of_token(session, token_hash)
            if owner is None:
                raise _refused()
            await users.hold_user(session, owner)
            held = await repository.hold_token(session, token_hash)
            if held is None or held.over:
                raise _refused()
            assert held.user.id is not None
            self._refuse_erased(held.user.id)
            reused = held.rotated_ago is not None and held.rotated_ago > self.grace
            if reused:
                # sessions before the log, as everywhere: nobody waits in a circle
                ended = await repository.end(session, held.user.id, held.session_id)
                about = f"session/{held.session_id}"
                await self.audit.note(session, held.user.id, "refresh_token.reused", about)
                await self._tell(session, held.user.id, ended)
            salt = held.successor_salt or tokens.new_salt()
            successor = tokens.successor_of(request.refresh_token, salt)
            if held.rotated_ago is None:
                successor_hash = tokens.hash_of(successor)
                await repository.rotate(session, held.session_id, token_hash, salt, successor_hash, self.days)
        if reused:
            log.warning("a refresh token came again: its session is ended", user_id=held.user.id)
            raise _refused()
        return self._tokens(held.user, held.session_id, successor)

    async def state(self, request: accounts.SessionRequest) -> accounts.SessionState:
        """Whether the session's access tokens count."""
        async with self.database.begin() as session:
            alive = await repository.is_alive(session, request.user_id, request.session_id)
        return accounts.SessionState(alive=alive and not self.ledger.names(request.user_id))

    async def page(self, request: accounts.ListSessions) -> accounts.SessionPage:
        async with self.database.begin() as session:
            rows, total = await repository.list_sessions(session, request.user_id, request.page, request.limit)
        shown = [
            accounts.SessionShown.model_validate({**row.model_dump(), "current": row.id == request.session_id})
            for row in rows
        ]
        return accounts.SessionPage(sessions=shown, total=total)

    async def end(self, request: accounts.SessionRequest) -> accounts.EndedSessions:
        """Raises NotFound."""
        async with self.database.begin() as session:
            there = await users.hold_user(session, request.user_id)
            ended = await repository.end(session, request.user_id, request.session_id) if there else []
            if not ended:
                raise NotFound("There is no such session.")
            await self._tell(session, request.user_id, ended)
        return accounts.EndedSessions(session_ids=ended)

    async def end_others(self, request: accounts.SessionRequest) -> accounts.EndedSessions:
        """Ends all of the user's sessions but the one that is named."""
        async with self.database.begin() as session:
            there = await users.hold_user(session, request.user_id)
            ended = await self.end_but(session, request.user_id, request.session_id) if there else []
        return accounts.EndedSessions(session_ids=ended)

    async def end_but(self, session: AsyncSession, user_id: int, session_id: int | None) -> list[int]:
        """The same in the running transaction; None spares none. Gives the ended sessions' ids."""
        ended = await repository.end_but(session, user_id, session_id)
        await self._tell(session, user_id, ended)
        return ended

    async def forget_ended(self) -> None:
        async with self.database.begin() as session:
            await repository.forget_ended(session)

    def _refuse_erased(self, user_id: int) -> None:
        if self.ledger.names(user_id):
            # a backup was restored under a running service; its next start erases them again
            raise Unauthorized("This account has been deleted.", code="ACCOUNT_DELETED")

    async def _tell(self, session: AsyncSession, user_id: int, ended: list[int]) -> None:
        for session_id in ended:
            payload = events.SessionEnded(user_id=user_id, session_id=session_id)
            await outbox.add(session, catalog.SESSION_ENDED, payload)
            await self.audit.note(session, user_id, "session.ended", payload.about)

    def _tokens(self, row: UserRow, session_id: int, refresh_token: str) -> accounts.Session:
        user = self.emails.user(row)
        return accounts.Session(
            user=user,
            access_token=self.signer.access_token(user.id, user.email, session_id),
            refresh_token=refresh_token,
            expires_in=self.signer.seconds,
            refresh_expires_in=self.days * _SECONDS_A_DAY,
        )


def _refused() -> Unauthorized:
    return Unauthorized("The session has ended. Please log in again.", code="INVALID_REFRESH_TOKEN")
