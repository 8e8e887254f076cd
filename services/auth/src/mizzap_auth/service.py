"""What the auth service decides: who may have an account, a session, new tokens."""

from datetime import timedelta

import structlog
from email_validator import EmailNotValidError, validate_email
from mizzap_common import outbox
from mizzap_common.contracts import accounts, catalog, events
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, InvalidInput, NotFound, Unauthorized
from sqlalchemy import func

from mizzap_auth import passwords, repository, tokens
from mizzap_auth.ledger import Ledger
from mizzap_auth.passwords import Passwords
from mizzap_auth.settings import AuthSettings
from mizzap_auth.tokens import Signer

log = structlog.get_logger(__name__)


class Accounts:
    """Users and their sessions."""

    def __init__(
        self, database: Database, checker: Passwords, signer: Signer, settings: AuthSettings, ledger: Ledger
    ) -> None:
        self.database = database
        self.passwords = checker
        self.signer = signer
        self.settings = settings
        self.ledger = ledger
        self.grace = timedelta(seconds=settings.refresh_grace_seconds)

    async def register(self, request: accounts.Register) -> accounts.Session:
        """Raises InvalidInput, and Conflict EMAIL_TAKEN."""
        email = _valid(request.email)
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
                    "email_normalised": _normalised(email),
                    "password_hash": password_hash,
                    "username": request.username,
                    "full_name": request.full_name,
                    "country": request.country,
                    "privacy_accepted": request.privacy_accepted,
                    "gdpr_consent_date": func.now() if request.privacy_accepted else None,
                },
            )
            if user is None:
                raise Conflict("There is an account with this e-mail address.", code="EMAIL_TAKEN")
            await repository.open_session(session, user.id, tokens.hash_of(refresh_token), self.settings.session_days)
            await outbox.add(session, catalog.USER_REGISTERED, events.UserRegistered(user_id=user.id))
        return self._session(user, refresh_token)

    async def login(self, request: accounts.Login) -> accounts.Session:
        """Raises Unauthorized INVALID_CREDENTIALS, whatever is wrong and after the same time."""
        async with self.database.begin() as session:
            found = await repository.find_login(session, _normalised(request.email))
        user, password_hash = found or (None, None)
        right = await self.passwords.matches(request.password.get_secret_value(), password_hash)
        if user is None or not right:
            raise Unauthorized("The e-mail address or the password is wrong.", code="INVALID_CREDENTIALS")
        refresh_token = tokens.new_refresh_token()
        async with self.database.begin() as session:
            await repository.open_session(session, user.id, tokens.hash_of(refresh_token), self.settings.session_days)
        return self._session(user, refresh_token)

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
        if self.ledger.names(user.id):
            # a backup was restored under a running service; its next start erases them again
            raise Unauthorized("This account has been deleted.", code="ACCOUNT_DELETED")
        return accounts.Session(
            user=user,
            access_token=self.signer.access_token(user.id, user.email),
            refresh_token=refresh_token,
            expires_in=self.signer.seconds,
        )


def _valid(email: str) -> str:
    try:
        # no look into the DNS, and test domains are as good as others
        return validate_email(email, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InvalidInput(f"email: {error}", field="email") from error


def _normalised(email: str) -> str:
    """An address that is none is as good as an unknown one."""
    try:
        return _valid(email).casefold()
    except InvalidInput:
        return email


def _refused() -> Unauthorized:
    return Unauthorized("The session has ended. Please log in again.", code="INVALID_REFRESH_TOKEN")
