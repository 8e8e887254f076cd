"""Which photos are in the trash."""

from mizzap_common.migrations import create_hidden_table

revision = "hidden_photos"
down_revision = "decisions_undone"


def upgrade() -> None:
    create_hidden_table()
