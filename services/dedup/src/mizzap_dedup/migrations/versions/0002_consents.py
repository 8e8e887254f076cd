"""The AI consent as it was heard, and which photos have a vector."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_ai_consents_table

revision = "consents"
down_revision = "0001"


def upgrade() -> None:
    create_ai_consents_table()
    op.add_column(
        "fingerprints",
        sa.Column(
            "embedded",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="whether there is a vector of it",
        ),
    )
