"""The number of the change that told a user's tier, so that an older one that comes late changes nothing."""

import sqlalchemy as sa
from alembic import op

revision = "tier_change"
down_revision = "trash_days"


def upgrade() -> None:
    op.add_column("quotas", sa.Column("tier_change", sa.BigInteger, nullable=False, server_default="0"))
