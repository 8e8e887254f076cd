"""When each wish was made, for more pins than a set holds, and how often a set could not be chosen."""

import sqlalchemy as sa
from alembic import op

revision = "newest_wishes"
down_revision = "farewells"


def upgrade() -> None:
    wished = sa.Column("wished_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
    op.add_column("choices", wished)
    op.add_column("curated_sets", sa.Column("failures", sa.Integer, nullable=False, server_default="0"))
