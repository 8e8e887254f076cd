"""The epoch of the change feed, so that a restored backup is told from what came after it."""

from mizzap_common.migrations import create_change_epoch

revision = "change_epoch"
down_revision = "pruned_steps"


def upgrade() -> None:
    create_change_epoch()
