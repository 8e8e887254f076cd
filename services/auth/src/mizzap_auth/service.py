"""What the auth service decides about accounts: who may have one, who gets in, what they may change."""

from mizzap_common import outbox
from mizzap_common.contracts import accounts, catalog, events
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, InvalidInput, NotFound, Unauthorized
from pydantic import SecretStr
from sqlalchemy import func

from mizzap_auth import emails, passwords, repository
from mizzap_auth.emails import Emails
from mizzap_auth.models import UserRow
from mizzap_auth.passwords import Passwords
from mizzap_auth.sessions import Sessions


class Accounts:
    """Users, their passwords and profiles."""

    def __init__(self, database: Database, checker: Passwords, addresses: Emails, sessions: Sessions) -> None:
        self.database = database
        self.passwords = checker
        self.emails = addresses
        self.sessions = sessions

    async def register(self, request: accounts.Register) -> accounts.Session:
        """Raises InvalidInput, and Conflict EMAIL_TAKEN."""
        email = emails.valid(request.email)
        password_hash = await self.passwords.hash(_long_enough(request.password, "password"))
        async with self.database.begin() as session:
            user_id = await repository.next_user_id(session)
            user = await repository.add_user(
                session,
                {
                    "id": user_id,
                    "email": self.emails.seal(user_id, email),
                    "email_index": self.emails.index(email),
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
            opened = await self.sessions.open(session, user, request.device_name)
            await outbox.add(session, catalog.USER_REGISTERED, events.UserRegistered(user_id=user_id))
        return opened

    async def login(self, request: accounts.Login) -> accounts.Session:
        """Raises Unauthorized INVALID_CREDENTIALS, whatever is wrong and after the same work."""
        async with self.database.begin() as session:
            user = await repository.find_login(session, self.emails.index(request.email))
        password = request.password.get_secret_value()
        right = await self.passwords.matches(password, user.password_hash if user else None)
        if user is None or not right:
            raise _wrong_credentials()
        async with self.database.begin() as session:
            # changed meanwhile: this session would be one that the change was to end
            if not await repository.still_has_password(session, _id(user), user.password_hash):
                raise _wrong_credentials()
            return await self.sessions.open(session, user, request.device_name)

    async def me(self, request: accounts.UserRequest) -> accounts.User:
        """Raises NotFound."""
        async with self.database.begin() as session:
            user = await repository.find_user(session, request.user_id)
        return self._shown(user)

    async def update_profile(self, request: accounts.UpdateProfile) -> accounts.User:
        """Raises NotFound."""
        given = request.model_dump(exclude={"user_id"}, exclude_none=True)
        async with self.database.begin() as session:
            user = await repository.update_user(
                session, request.user_id, {name: value or None for name, value in given.items()}
            )
        return self._shown(user)

    async def change_password(self, request: accounts.ChangePassword) -> accounts.EndedSessions:
        """Ends all other sessions. Raises NotFound, InvalidInput, and Unauthorized INVALID_CREDENTIALS."""
        new_password = _long_enough(request.new_password, "newPassword")
        async with self.database.begin() as session:
            user = await repository.find_user(session, request.user_id)
        if user is None:
            raise _no_such_user()
        if not await self.passwords.matches(request.current_password.get_secret_value(), user.password_hash):
            raise Unauthorized("The current password is wrong.", code="INVALID_CREDENTIALS")
        new_hash = await self.passwords.hash(new_password)
        async with self.database.begin() as session:
            if not await repository.replace_password(session, request.user_id, user.password_hash, new_hash):
                raise Unauthorized("The current password is wrong.", code="INVALID_CREDENTIALS")
            ended = await self.sessions.end_but(session, request.user_id, request.session_id)
        return accounts.EndedSessions(session_ids=ended)

    def _shown(self, user: UserRow | None) -> accounts.User:
        if user is None:
            raise _no_such_user()
        return self.emails.user(user)


def _long_enough(password: SecretStr, field: str) -> str:
    """Raises InvalidInput."""
    value = password.get_secret_value()
    if len(passwords.normalised(value)) < passwords.SHORTEST:
        raise InvalidInput(f"{field}: It must have at least {passwords.SHORTEST} characters.", field=field)
    return value


def _id(user: UserRow) -> int:
    assert user.id is not None
    return user.id


def _wrong_credentials() -> Unauthorized:
    return Unauthorized("The e-mail address or the password is wrong.", code="INVALID_CREDENTIALS")


def _no_such_user() -> NotFound:
    return NotFound("There is no such user.")
