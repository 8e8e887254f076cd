"""Albums that families share, photos of several owners in one, versions, and the change feed."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_change_tables

revision = "sharing"
down_revision = "hidden_photos"

_GAP = 2**32


def upgrade() -> None:
    op.add_column("albums", sa.Column("version", sa.BigInteger, nullable=False, server_default="1"))
    _photos_of_several_owners()
    _families()
    create_change_tables()
    # whoever begins with the feed finds the albums there were before it
    op.execute(
        "INSERT INTO changes (user_id, kind, thing_id, seq, created_seq, deleted) "
        "SELECT user_id, 'album', id, n, n, false "
        "FROM (SELECT user_id, id, row_number() OVER (PARTITION BY user_id ORDER BY id) AS n FROM albums) AS numbered"
    )
    op.execute("INSERT INTO change_heads (user_id, seq) SELECT user_id, count(*) FROM albums GROUP BY user_id")


def _photos_of_several_owners() -> None:
    op.add_column("album_photos", sa.Column("owner_id", sa.BigInteger, comment="whose photo it is"))
    op.alter_column("album_photos", "position", type_=sa.BigInteger)
    op.execute(
        f"UPDATE album_photos SET owner_id = albums.user_id, position = position * {_GAP} "  # noqa: S608 -- a number
        "FROM albums WHERE albums.id = album_id"
    )
    op.alter_column("album_photos", "owner_id", nullable=False)
    op.create_index("album_photos_by_owner", "album_photos", ["owner_id"])


def _families() -> None:
    now = sa.func.now()
    op.create_table(
        "family_members",
        sa.Column("family_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("role", sa.Text, comment="none for who has left"),
        sa.Column("change", sa.BigInteger, nullable=False, comment="the family's latest that told of this member"),
        sa.CheckConstraint("role IN ('owner', 'member', 'viewer')", name="family_members_role"),
    )
    op.create_index("family_members_by_user", "family_members", ["user_id"])
    op.create_table(
        "deleted_families",
        sa.Column("family_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
    )
    op.create_table(
        "shared_albums",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("album_id", sa.BigInteger, sa.ForeignKey("albums.id", ondelete="CASCADE"), nullable=False),
        sa.Column("family_id", sa.BigInteger, nullable=False),
        sa.Column("visibility", sa.Text, nullable=False),
        sa.Column("originals", sa.Boolean, nullable=False, comment="members may download them"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.CheckConstraint("visibility IN ('family', 'private')", name="shared_albums_visibility"),
        sa.UniqueConstraint("album_id", "family_id", name="shared_albums_identity"),
    )
    op.create_index("shared_albums_by_family", "shared_albums", ["family_id"])
