"""Photos, jobs and duplicate pairs, with what every service has."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_shared_tables

revision = "0001"
down_revision = None

_now = sa.func.now()


def upgrade() -> None:
    create_shared_tables()
    op.create_table(
        "photos",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("file_size", sa.BigInteger, nullable=False),
        sa.Column("mime_type", sa.Text, nullable=False),
        sa.Column("hash_md5", sa.Text, nullable=False),
        sa.Column("hash_sha256", sa.Text, nullable=False),
        sa.Column("hash_perceptual", sa.Text),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("duration_seconds", sa.Integer),
        sa.Column("created_date", sa.DateTime, comment="the camera's own time"),
        sa.Column("location_latitude", sa.Float),
        sa.Column("location_longitude", sa.Float),
        sa.Column("camera_model", sa.Text),
        sa.Column("upload_status", sa.Text, nullable=False),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("has_duplicates", sa.Boolean, nullable=False),
        sa.Column("duplicate_count", sa.Integer, nullable=False),
        sa.Column("quality_score", sa.Float),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
        sa.Column("processed_at", sa.DateTime(timezone=True)),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    )
    op.create_index("photos_identity", "photos", ["user_id", "hash_sha256", "file_name"], unique=True)
    op.create_index("photos_by_md5", "photos", ["user_id", "hash_md5"])
    op.create_index("photos_by_day", "photos", ["user_id", "created_date"])
    op.create_index("photos_by_upload", "photos", ["user_id", "uploaded_at"])
    op.create_table(
        "background_jobs",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("photo_id", sa.BigInteger, sa.ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
        sa.Column("job_type", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("retry_count", sa.Integer, nullable=False),
        sa.Column("error_message", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.Column("asked_at", sa.DateTime(timezone=True), comment="when the sweeper last had the upload told again"),
    )
    op.create_index("jobs_by_photo", "background_jobs", ["photo_id", "job_type"], unique=True)
    op.create_index("jobs_by_user", "background_jobs", ["user_id", "id"])
    op.create_index(
        "jobs_pending",
        "background_jobs",
        ["job_type", "created_at"],
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_table(
        "duplicate_pairs",
        sa.Column("duplicate_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("primary_photo_id", sa.BigInteger, nullable=False),
        sa.Column("duplicate_photo_id", sa.BigInteger, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
    )
    op.create_index("pairs_by_primary", "duplicate_pairs", ["primary_photo_id"])
    op.create_index("pairs_by_duplicate", "duplicate_pairs", ["duplicate_photo_id"])
