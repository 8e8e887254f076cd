"""What the auth service decides: who may have an account, a session, new tokens."""

from datetime import timedelta

import structlog
from mizzap_common import outbox
from mizzap_common.contracts import accounts, catalog, events
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, InvalidInput, NotFound, Unauthorized

from mizzap_auth import addresses, passwords, repository, tokens
from mizzap_auth.audit import AuditLog
from mizzap_auth.consents import Consents
from mizzap_auth.passwords import Passwords
from mizzap_auth.settings import AuthSettings
from mizzap_auth.tokens import Signer

_NOBODY = 0
"""No user's id."""

log = structlog.get_logger(__name__)


class Accounts:
    """Users and their sessions."""

    def __init__(
        self, database: Database, checker: Passwords, signer: Signer, settings: AuthSettings, audit: AuditLog,
        consents: Consents,
    ) -> None:  # fmt: skip
        self.database = database
        self.audit = audit
        self.consents = consents
        self.passwords = checker
        self.signer = signer
        self.settings = settings
        self.grace = timedelta(seconds=settings.refresh_grace_seconds)

    async def register(self, request: accounts.Register) -> accounts.Session:
        """Raises InvalidInput, and Conflict EMAIL_TAKEN."""
        email = addresses.valid(request.email)
        password = request.password.get_secret_value()
        if len(passwords.normalised(password)) < passwords.SHORTEST:
            raise InvalidInput(f"password: It must have at least {passwords.SHORTEST} characters.", field="password")
        refresh_token = tokens.new_refresh_token()
        password_hash = await self.passwords.hash(password)
        async with self.database.begin() as session:
            user = await repository.add_user(
                session,
                {
                    "email": email,
                    "email_normalised": addresses.normalised(email),
                    "password_hash": password_hash,
                    "username": request.username,
                    "full_name": request.full_name,
                    "country": request.country,
                    "privacy_accepted": False,
                },
            )
            if user is None:
                raise Conflict("There is an account with this e-mail address.", code="EMAIL_TAKEN")
            await repository.open_session(session, user.id, tokens.hash_of(refresh_token), self.settings.session_days)
            await outbox.add(session, catalog.USER_REGISTERED, events.UserRegistered(user_id=user.id))
            await self.audit.begin(session, user.id)
            await self.audit.note(session, user.id, "user.registered", f"user/{user.id}")
            await self.consents.give(session, user.id, _agreed_to(request))
            user = user.model_copy(update={"privacy_accepted": request.privacy_accepted})
        return self._session(user, refresh_token)

    async def login(self, request: accounts.Login) -> accounts.Session:
        """Raises Unauthorized INVALID_CREDENTIALS, whatever is wrong and after the same time."""
        async with self.database.begin() as session:
            found = await repository.find_login(session, addresses.normalised(request.email))
        user, password_hash = found or (None, None)
        right = await self.passwords.matches(request.password.get_secret_value(), password_hash)
        if user is None or not right:
            await self._note_failure(user)
            raise Unauthorized("The e-mail address or the password is wrong.", code="INVALID_CREDENTIALS")
        refresh_token = tokens.new_refresh_token()
        async with self.database.begin() as session:
            await repository.open_session(session, user.id, tokens.hash_of(refresh_token), self.settings.session_days)
            await self.audit.note(session, user.id, "session.opened", f"user/{user.id}")
        return self._session(user, refresh_token)

    async def _note_failure(self, user: accounts.User | None) -> None:
        # an unknown address costs as much as a known one: the time tells nothing
        user_id = user.id if user else _NOBODY
        async with self.database.begin() as session:
            await self.audit.note_if_known(session, user_id, "login.failed", f"user/{user_id}")

    async def refresh(self, request: accounts.Refresh) -> accounts.Session:
        """The one successor of a refresh token. Raises Unauthorized INVALID_REFRESH_TOKEN.

        A token that comes again after its grace was stolen, or its thief was first: the whole session ends.
        """
        token_hash = tokens.hash_of(request.refresh_token)
        async with self.database.begin() as session:
            held = await repository.hold_token(session, token_hash)
            if held is None or held.over:
                raise _refused()
            reused = held.rotated_ago is not None and held.rotated_ago > self.grace
            if reused:
                await repository.revoke(session, held.session_id)
                await self.audit.note(session, held.user.id, "session.revoked", f"session/{held.session_id}")
            salt = held.successor_salt or tokens.new_salt()
            successor = tokens.successor_of(request.refresh_token, salt)
            if held.rotated_ago is None:
                await repository.rotate(
                    session,
                    held.session_id,
                    token_hash,
                    salt,
                    tokens.hash_of(successor),
                    self.settings.session_days,
                )
        if reused:
            log.warning("a refresh token came again: its session is ended", user_id=held.user.id)
            raise _refused()
        return self._session(held.user, successor)

    async def me(self, request: accounts.UserRequest) -> accounts.User:
        """Raises NotFound."""
        async with self.database.begin() as session:
            user = await repository.find_user(session, request.user_id)
        if user is None:
            raise NotFound("There is no such user.")
        return user

    async def keys(self, _: accounts.KeysRequest) -> accounts.Keys:
        return accounts.Keys(keys=[self.signer.public_key])

    async def forget_ended_sessions(self) -> None:
        async with self.database.begin() as session:
            await repository.forget_ended_sessions(session)

    def _session(self, user: accounts.User, refresh_token: str) -> accounts.Session:
        return accounts.Session(
            user=user,
            access_token=self.signer.access_token(user.id, user.email),
            refresh_token=refresh_token,
            expires_in=self.signer.seconds,
        )


def _agreed_to(request: accounts.Register) -> list[events.Purpose]:
    said: dict[events.Purpose, bool] = {
        "privacy": request.privacy_accepted,
        "ai": request.consents.ai,
        "marketing": request.consents.marketing,
    }
    return [purpose for purpose, agreed in said.items() if agreed]


def _refused() -> Unauthorized:
    return Unauthorized("The session has ended. Please log in again.", code="INVALID_REFRESH_TOKEN")
