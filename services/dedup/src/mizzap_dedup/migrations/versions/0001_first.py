"""Fingerprints, matches, duplicates and decisions, with what every service has."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_shared_tables
from sqlalchemy.dialects.postgresql import BIT, JSONB

revision = "0001"
down_revision = None

_now = sa.func.now()


def _foreign_id(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def _created(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=_now)


def upgrade() -> None:
    create_shared_tables()
    op.create_table(
        "fingerprints",
        _foreign_id("photo_id"),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("mime_type", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, comment="of the way the hashes are made"),
        sa.Column("pixel_hash", sa.Text, nullable=False),
        sa.Column("pdq", BIT(256), nullable=False),
        sa.Column("turns", sa.LargeBinary, nullable=False),
        sa.Column("trimmed", BIT(256)),
        sa.Column("pdq_quality", sa.Integer, nullable=False),
        sa.Column("phash", sa.Text, nullable=False, comment="64 bits, 16 hexadecimal digits"),
        sa.Column("taken_at", sa.DateTime, comment="the camera's own time"),
        sa.Column("offset_minutes", sa.Integer),
        sa.Column("make", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("serial", sa.Text),
        sa.Column("burst_id", sa.Text),
        _created("uploaded_at"),
    )
    op.create_index("fingerprints_by_bytes", "fingerprints", ["user_id", "sha256"])
    op.create_index("fingerprints_by_pixels", "fingerprints", ["user_id", "pixel_hash"])
    op.create_table(
        "matches",
        _foreign_id("left_id"),
        _foreign_id("right_id"),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("reasons", JSONB, nullable=False),
        _created("created_at"),
    )
    op.create_index("matches_by_left", "matches", ["user_id", "left_id"])
    op.create_index("matches_by_right", "matches", ["user_id", "right_id"])
    op.create_table(
        "duplicates",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("primary_photo_id", sa.BigInteger, nullable=False),
        sa.Column("duplicate_photo_id", sa.BigInteger, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("match_type", sa.Text, nullable=False),
        sa.Column("similarity_score", sa.Float, nullable=False),
        sa.Column("reasons", JSONB, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("action_date", sa.DateTime(timezone=True)),
        sa.Column(
            "current",
            sa.Boolean,
            nullable=False,
            comment="whether the groups as they are hold it; decided pairs stay",
        ),
        _created("created_at"),
    )
    op.create_index("duplicates_pair", "duplicates", ["primary_photo_id", "duplicate_photo_id"], unique=True)
    op.create_index("duplicates_by_user", "duplicates", ["user_id", "action"])
    op.create_index("duplicates_by_duplicate", "duplicates", ["duplicate_photo_id"])
    op.create_table(
        "decisions",
        _foreign_id("left_id"),
        _foreign_id("right_id"),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        _created("decided_at"),
    )
    op.create_index("decisions_by_right", "decisions", ["right_id"])
