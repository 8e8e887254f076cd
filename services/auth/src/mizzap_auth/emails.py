"""E-mail addresses: sealed where they lie, found by a blind index, open only on their way to their owner."""

from mizzap_common import addresses
from mizzap_common.contracts import accounts
from mizzap_common.sealed import KeyRing

from mizzap_auth.models import UserRow


class Emails:
    """What the database may know of addresses."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def seal(self, user_id: int, email: str) -> bytes:
        return self._ring.seal(email, _place(user_id))

    def open(self, user_id: int, sealed: bytes) -> str:
        """Raises SealBroken."""
        return self._ring.open(sealed, _place(user_id))

    def is_current(self, sealed: bytes) -> bool:
        """Whether a rotation has nothing to do here. Raises SealBroken."""
        return self._ring.is_current(sealed)

    def indexes(self, email: str) -> list[bytes]:
        """What an account is found by, that which is kept first: the same for every way of writing the address."""
        return self._ring.indexes(addresses.normalised(email), "users/email")

    def user(self, row: UserRow) -> accounts.User:
        """The account as its owner sees it. Raises SealBroken."""
        assert row.id is not None
        fields = row.model_dump(include=set(accounts.User.model_fields) - {"email"})
        return accounts.User.model_validate({**fields, "email": self.open(row.id, row.email)})


def _place(user_id: int) -> str:
    return f"users/{user_id}/email"
