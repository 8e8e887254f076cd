"""The index of jobs that have not ended holds those too that have begun."""

import sqlalchemy as sa
from alembic import op

revision = "jobs_under_way"
down_revision = "tier_change"


def upgrade() -> None:
    op.drop_index("jobs_pending", "background_jobs")
    op.create_index(
        "jobs_pending",
        "background_jobs",
        ["job_type", "created_at"],
        postgresql_where=sa.text("status IN ('queued', 'processing')"),
    )
