"""Which matches vectors led to: they go with the consent that the vectors were made under."""

import sqlalchemy as sa
from alembic import op

revision = "by_likeness"
down_revision = "user_tombstones"


def upgrade() -> None:
    column = sa.Column(
        "by_likeness", sa.Boolean, nullable=False, server_default=sa.false(), comment="vectors led to it"
    )
    op.add_column("matches", column)
    op.execute("UPDATE matches SET by_likeness = true WHERE lane = 'similar'")
