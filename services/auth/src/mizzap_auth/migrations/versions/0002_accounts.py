"""Sealed e-mail addresses, tiers, sessions by device."""

import sys

import sqlalchemy as sa
from alembic import op

revision = "accounts"
down_revision = "0001"


def upgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT 1 FROM users)")).scalar_one():
        # a migration has no key ring, and an address that was left in the clear would be worse than this
        sys.exit("This database has users from before e-mail addresses were sealed: begin with an empty one.")
    op.drop_column("users", "email_normalised")
    op.drop_column("users", "email")
    op.add_column("users", sa.Column("email", sa.LargeBinary, nullable=False))
    op.add_column("users", sa.Column("email_index", sa.LargeBinary, nullable=False))
    op.create_unique_constraint("users_email_index_key", "users", ["email_index"])
    op.add_column("users", sa.Column("tier", sa.Text, nullable=False, server_default="free"))
    op.add_column("sessions", sa.Column("device_name", sa.Text, nullable=False))
    op.add_column(
        "sessions",
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
