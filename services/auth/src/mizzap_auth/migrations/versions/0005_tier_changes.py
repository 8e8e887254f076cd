"""How often a user's tier was changed, so that whoever hears of it keeps the latest."""

import sqlalchemy as sa
from alembic import op

revision = "tier_changes"
down_revision = "leaving"


def upgrade() -> None:
    op.add_column("users", sa.Column("tier_changes", sa.BigInteger, nullable=False, server_default="0"))
