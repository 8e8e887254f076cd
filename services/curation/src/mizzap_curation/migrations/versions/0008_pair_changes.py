"""Which of the user's words about a pair is known."""

import sqlalchemy as sa
from alembic import op

revision = "pair_changes"
down_revision = "newest_wishes"


def upgrade() -> None:
    op.add_column("duplicate_pairs", sa.Column("change", sa.BigInteger, nullable=False, server_default="0"))
