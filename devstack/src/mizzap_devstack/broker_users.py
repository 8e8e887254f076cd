"""Who may connect to the stack's broker: a user per service, the operator, and the outside subscribers."""

from __future__ import annotations

import os
from typing import Any

from mizzap_common.contracts import catalog, permissions

from mizzap_devstack.errors import StackError
from mizzap_devstack.files import Passwords

# One other team's service that may read every event, so that there is something to try with.
OUTSIDE = '{"subscriber": []}'


class BrokerUsers:
    """The users with their passwords, which are made at the first start."""

    def __init__(self, passwords: Passwords) -> None:
        """Raises StackError when MIZZAP_OUTSIDE_SUBSCRIBERS is no such table."""
        self._passwords = passwords
        self.outside = os.environ.get("MIZZAP_OUTSIDE_SUBSCRIBERS", OUTSIDE)
        try:
            self._subscribers = permissions.outside_from(self.outside)
        except (ValueError, AttributeError, TypeError) as error:
            raise StackError(f"MIZZAP_OUTSIDE_SUBSCRIBERS can't be used: {error}.") from error

    @property
    def names(self) -> list[str]:
        return [*catalog.SERVICES, permissions.OPERATOR, *(subscriber.name for subscriber in self._subscribers)]

    def authorization(self) -> dict[str, Any]:
        return permissions.authorization({name: self.password(name) for name in self.names}, self._subscribers)

    def password(self, name: str) -> str:
        return self._passwords.get(f"nats.{name}")

    def settings(self, name: str) -> dict[str, str]:
        """What a program needs in its environment to connect as this user."""
        return {"MIZZAP_NATS_USER": name, "MIZZAP_NATS_PASSWORD": self.password(name)}
