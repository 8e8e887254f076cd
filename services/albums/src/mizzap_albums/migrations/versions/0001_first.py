"""Albums and the photos in them, and the tables that every service has."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_shared_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_shared_tables()
    now = sa.func.now()
    op.create_table(
        "albums",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("cover_photo_id", sa.BigInteger, comment="as chosen; without a choice the first photo stands there"),
        sa.Column("visibility", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.CheckConstraint("visibility IN ('private', 'shared')", name="albums_visibility"),
    )
    op.create_index("albums_by_user", "albums", ["user_id", "created_at"])
    op.create_table(
        "album_photos",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("album_id", sa.BigInteger, sa.ForeignKey("albums.id", ondelete="CASCADE"), nullable=False),
        sa.Column("photo_id", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.UniqueConstraint("album_id", "photo_id", name="album_photos_identity"),
    )
    op.create_index("album_photos_in_order", "album_photos", ["album_id", "position"])
    op.create_index("album_photos_by_photo", "album_photos", ["photo_id"])
