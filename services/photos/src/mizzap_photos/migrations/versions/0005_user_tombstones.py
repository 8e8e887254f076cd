"""Tombstones of erased users."""

from mizzap_common.migrations import create_user_tombstones

revision = "user_tombstones"
down_revision = "trash_and_quotas"


def upgrade() -> None:
    create_user_tombstones()
