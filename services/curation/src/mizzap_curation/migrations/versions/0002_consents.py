"""The AI consent as it was heard, and the photos that were left out without one."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_ai_consents_table

revision = "consents"
down_revision = "0001"


def upgrade() -> None:
    create_ai_consents_table()
    op.create_table(
        "unscored",
        sa.Column("photo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
    )
    op.create_index("unscored_by_user", "unscored", ["user_id"])
