"""Which photos are not shown: those in the trash, and those that failed in another step."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_hidden_table

revision = "hidden_photos"
down_revision = "consents"


def upgrade() -> None:
    create_hidden_table()
    op.add_column("scores", sa.Column("failed", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("scores", sa.Column("outcome_version", sa.BigInteger, nullable=False, server_default="0"))
