"""Payloads of the events about families, which all in one hear."""

from typing import ClassVar

from mizzap_common.contracts.events import FamilyRole, UserEvent
from mizzap_common.contracts.message import Message


class FamilyEvent(UserEvent):
    """``user_id`` is who acted or joined or left; ``audience`` are all members, those who leave by it included."""

    outlives_user: ClassVar[bool] = True  # the others in the family must hear of it

    family_id: int
    audience: list[int]
    change: int
    """Rises with every event of the family: of several the highest counts."""

    @property
    def about(self) -> str:
        return f"family/{self.family_id}"


class FamilyMemberEvent(FamilyEvent):
    role: FamilyRole


class FamilyMembership(Message):
    user_id: int
    role: FamilyRole


class FamilyChanged(FamilyEvent):
    """Its name or somebody's role is another one."""

    members: list[FamilyMembership]


class FamilyDeleted(FamilyEvent):
    pass
