"""What the auth service decides about accounts: who may have one, who gets in, what they may change."""

from mizzap_common import addresses, outbox
from mizzap_common.contracts import accounts, catalog, events
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, InvalidInput, NotFound, Unauthorized
from pydantic import SecretStr

from mizzap_auth import passwords, repository
from mizzap_auth.audit import AuditLog
from mizzap_auth.consents import Consents
from mizzap_auth.emails import Emails
from mizzap_auth.models import UserRow
from mizzap_auth.passwords import Passwords
from mizzap_auth.sessions import Sessions

_NOBODY = 0
"""No user's id."""


class Accounts:
    """Users, their passwords and profiles."""

    def __init__(
        self, database: Database, checker: Passwords, addresses: Emails, sessions: Sessions, audit: AuditLog,
        consents: Consents,
    ) -> None:  # fmt: skip
        self.database = database
        self.passwords = checker
        self.emails = addresses
        self.sessions = sessions
        self.audit = audit
        self.consents = consents

    async def register(self, request: accounts.Register) -> accounts.Session:
        """Raises InvalidInput, and Conflict EMAIL_TAKEN."""
        email = addresses.valid(request.email)
        password_hash = await self.passwords.hash(_long_enough(request.password, "password"))
        async with self.database.begin() as session:
            user_id = await repository.next_user_id(session)
            values = {
                "id": user_id,
                "email": self.emails.seal(user_id, email),
                "password_hash": password_hash,
                "username": request.username,
                "full_name": request.full_name,
                "country": request.country,
            }
            user = await repository.add_user(session, values, self.emails.indexes(email))
            if user is None:
                raise Conflict("There is an account with this e-mail address.", code="EMAIL_TAKEN")
            await outbox.add(session, catalog.USER_REGISTERED, events.UserRegistered(user_id=user_id))
            await self.audit.begin(session, user_id)
            await self.audit.note(session, user_id, "user.registered", f"user/{user_id}")
            await self.consents.give(session, user_id, _agreed_to(request))
            await session.refresh(user)
            return await self.sessions.open(session, user, request.device_name)

    async def login(self, request: accounts.Login) -> accounts.Session:
        """Raises Unauthorized INVALID_CREDENTIALS, whatever is wrong and after the same work."""
        async with self.database.begin() as session:
            user = await repository.find_login(session, self.emails.indexes(request.email))
        password = request.password.get_secret_value()
        right = await self.passwords.matches(password, user.password_hash if user else None)
        if user is None or not right:
            await self._note_failure(user)
            raise _wrong_credentials()
        async with self.database.begin() as session:
            await repository.hold_user(session, _id(user))
            # changed meanwhile: this session would be one that the change was to end
            if not await repository.still_has_password(session, _id(user), user.password_hash):
                raise _wrong_credentials()
            opened = await self.sessions.open(session, user, request.device_name)
            await self.audit.note(session, _id(user), "session.opened", f"user/{user.id}")
            return opened

    async def _note_failure(self, user: UserRow | None) -> None:
        # an unknown address costs as much as a known one: the time tells nothing
        user_id = _id(user) if user else _NOBODY
        async with self.database.begin() as session:
            await self.audit.note_if_known(session, user_id, "login.failed", f"user/{user_id}")

    async def me(self, request: accounts.UserRequest) -> accounts.User:
        """Raises NotFound."""
        async with self.database.begin() as session:
            user = await repository.find_user(session, request.user_id)
        return self._shown(user)

    async def update_profile(self, request: accounts.UpdateProfile) -> accounts.User:
        """Raises NotFound."""
        given = request.model_dump(exclude={"user_id"}, exclude_none=True)
        async with self.database.begin() as session:
            if not await repository.hold_user(session, request.user_id):
                raise _no_such_user()
            user = await repository.update_user(
                session, request.user_id, {name: value or None for name, value in given.items()}
            )
            if user is not None:
                await self.audit.note(session, request.user_id, "profile.changed", f"user/{request.user_id}")
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
            if not await repository.hold_user(session, request.user_id):
                raise _no_such_user()
            if not await repository.replace_password(session, request.user_id, user.password_hash, new_hash):
                raise Unauthorized("The current password is wrong.", code="INVALID_CREDENTIALS")
            ended = await self.sessions.end_but(session, request.user_id, request.session_id)
            await self.audit.note(session, request.user_id, "password.changed", f"user/{request.user_id}")
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


def _agreed_to(request: accounts.Register) -> list[events.Purpose]:
    said: dict[events.Purpose, bool] = {
        "privacy": request.privacy_accepted,
        "ai": request.consents.ai,
        "marketing": request.consents.marketing,
    }
    return [purpose for purpose, agreed in said.items() if agreed]


def _id(user: UserRow) -> int:
    assert user.id is not None
    return user.id


def _wrong_credentials() -> Unauthorized:
    return Unauthorized("The e-mail address or the password is wrong.", code="INVALID_CREDENTIALS")


def _no_such_user() -> NotFound:
    return NotFound("There is no such user.")
