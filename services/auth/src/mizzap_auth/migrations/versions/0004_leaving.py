"""Erasures with their receipts, exports, and tombstones of erased users."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_user_tombstones

revision = "leaving"
down_revision = "people"


def _time(name: str, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    create_user_tombstones()
    op.create_table(
        "erasures",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("erasure_id", sa.Text, nullable=False, unique=True),
        _time("requested_at"),
        _time("opened_at"),
        sa.Column("asked", sa.Integer, nullable=False),
        _time("asked_at"),
        sa.Column("final_from", sa.Integer),
        _time("entered_at", nullable=True),
        _time("completed_at", nullable=True),
    )
    op.create_index("erasures_open", "erasures", ["requested_at"], postgresql_where=sa.text("completed_at IS NULL"))
    op.create_table(
        "erasure_receipts",
        sa.Column("user_id", sa.BigInteger, sa.ForeignKey("erasures.user_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("objects", sa.BigInteger, nullable=False),
        _time("received_at"),
    )
    op.create_table(
        "exports",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        _time("claimed_until", nullable=True),
        sa.Column("photos_done", sa.Integer, nullable=False),
        sa.Column("photos_total", sa.Integer, nullable=False),
        sa.Column("bytes_done", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text),
        sa.Column("error", sa.Text),
        _time("created_at"),
        _time("ready_at", nullable=True),
        _time("expires_at", nullable=True),
    )
    op.create_index("exports_by_user", "exports", ["user_id", "id"])
    op.create_index(
        "exports_under_way",
        "exports",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('queued', 'building')"),
    )
    op.create_index("exports_by_end", "exports", ["expires_at"], postgresql_where=sa.text("status = 'ready'"))
