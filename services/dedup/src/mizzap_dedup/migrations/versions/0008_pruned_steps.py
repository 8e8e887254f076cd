"""Steps of a bulk action that are too old to be taken back: the whole of it can't be either."""

import sqlalchemy as sa
from alembic import op

revision = "pruned_steps"
down_revision = "words"


def upgrade() -> None:
    op.add_column("actions", sa.Column("pruned", sa.Boolean, nullable=False, server_default=sa.false()))
