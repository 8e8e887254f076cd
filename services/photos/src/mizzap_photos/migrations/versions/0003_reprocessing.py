"""Steps that are wanted again: by which event, and how often the sweeper has asked since."""

import sqlalchemy as sa
from alembic import op

revision = "reprocessing"
down_revision = "consents"


def upgrade() -> None:
    op.add_column("background_jobs", sa.Column("error_code", sa.Text))
    op.add_column("background_jobs", sa.Column("asked_count", sa.Integer, nullable=False, server_default="0"))
    op.add_column(
        "background_jobs",
        sa.Column("request_id", sa.Uuid, comment="the event processing.requested that wants it; none is the upload"),
    )
    op.add_column(
        "photos",
        sa.Column(
            "outcome_version",
            sa.BigInteger,
            nullable=False,
            server_default="0",
            comment="outcomes of processing that were told",
        ),
    )
    op.execute("UPDATE background_jobs SET asked_count = retry_count")
    op.execute(
        "UPDATE background_jobs j SET error_code = p.error_code FROM photos p"
        " WHERE p.id = j.photo_id AND j.status = 'failed'"
    )
