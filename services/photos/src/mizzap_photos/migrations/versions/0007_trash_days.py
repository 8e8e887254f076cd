"""How long a user's deleted photos stay, where the user has chosen."""

import sqlalchemy as sa
from alembic import op

revision = "trash_days"
down_revision = "finding"


def upgrade() -> None:
    op.add_column("quotas", sa.Column("trash_days", sa.Integer, comment="as chosen; without a choice the tier's"))
