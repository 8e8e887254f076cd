"""Scores, pairs, moments and the user's choices, and the tables that every service has."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_shared_tables
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_shared_tables()
    now = sa.func.now()
    op.create_table(
        "scores",
        sa.Column("photo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=False)),
        *(
            sa.Column(name, sa.Float, nullable=False)
            for name in (
                "quality", "sharpness", "exposure", "contrast", "colourfulness", "low_noise", "resolution",
            )
        ),
        sa.Column("screenshot", sa.Boolean, nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.CheckConstraint("quality >= 0 AND quality <= 1", name="scores_quality_range"),
    )  # fmt: skip
    op.create_index("scores_by_user", "scores", ["user_id"])
    op.create_table(
        "duplicate_pairs",
        sa.Column("duplicate_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("primary_photo_id", sa.BigInteger, nullable=False),
        sa.Column("duplicate_photo_id", sa.BigInteger, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("rejected", sa.Boolean, nullable=False),
    )
    standing = sa.text("NOT (withdrawn OR rejected)")
    op.create_index("pairs_by_user", "duplicate_pairs", ["user_id"], postgresql_where=standing)
    op.create_table(
        "curated_sets",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="suggested"),
        sa.Column("photos", sa.Integer, nullable=False, server_default="0"),
        sa.Column("wanted", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("made", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("edits", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("due_since", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.Column("updated_at", sa.DateTime(timezone=True)),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("user_id", name="curated_sets_user"),
    )
    op.create_index("curated_sets_due", "curated_sets", ["due_at"], postgresql_where=sa.text("status = 'suggested'"))
    op.create_table(
        "moments",
        sa.Column("set_id", sa.BigInteger, sa.ForeignKey("curated_sets.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("photo_id", sa.BigInteger, sa.ForeignKey("scores.photo_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("reasons", JSONB, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
    )
    op.create_index("moments_by_photo", "moments", ["photo_id"])
    op.create_table(
        "choices",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("photo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("wish", sa.Text, comment="'pinned', 'removed' or nothing"),
        sa.Column("position", sa.Integer),
    )
