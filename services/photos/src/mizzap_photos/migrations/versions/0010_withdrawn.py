"""Which pairs are withdrawn for good, and which of the user's words about one is known."""

import sqlalchemy as sa
from alembic import op

revision = "withdrawn"
down_revision = "jobs_under_way"


def upgrade() -> None:
    op.add_column("duplicate_pairs", sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("duplicate_pairs", sa.Column("change", sa.BigInteger, nullable=False, server_default="0"))
