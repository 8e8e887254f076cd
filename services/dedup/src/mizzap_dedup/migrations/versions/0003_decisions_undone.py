"""The way back from decisions, and the change feed."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_change_tables

revision = "decisions_undone"
down_revision = "consents"


def upgrade() -> None:
    create_change_tables()
    op.create_table(
        "actions",
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("bulk", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("left_id", sa.BigInteger, nullable=False),
        sa.Column("right_id", sa.BigInteger, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index("actions_by_bulk", "actions", ["user_id", "bulk"])
    op.create_index("actions_by_pair", "actions", ["user_id", "left_id", "right_id"])
