"""How often something was said of a pair: what is told of it has a rising number."""

import sqlalchemy as sa
from alembic import op

revision = "words"
down_revision = "by_likeness"


def upgrade() -> None:
    comment = "how often the user said something"
    op.add_column("duplicates", sa.Column("words", sa.BigInteger, nullable=False, server_default="0", comment=comment))
