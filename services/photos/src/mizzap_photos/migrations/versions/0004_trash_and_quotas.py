"""The trash, favourites, and what each user's originals take up."""

import sqlalchemy as sa
from alembic import op

revision = "trash_and_quotas"
down_revision = "reprocessing"


def upgrade() -> None:
    op.add_column("photos", sa.Column("is_favourite", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("photos", sa.Column("trashed_at", sa.DateTime(timezone=True)))
    op.add_column(
        "photos",
        sa.Column(
            "trash_version",
            sa.BigInteger,
            nullable=False,
            server_default="0",
            comment="moves into the trash and out of it",
        ),
    )
    op.create_index("photos_in_trash", "photos", ["trashed_at"], postgresql_where=sa.text("trashed_at IS NOT NULL"))
    op.create_table(
        "originals",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "quotas",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tier", sa.Text, nullable=False, server_default="free"),
        sa.Column("used_bytes", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.execute(
        "INSERT INTO originals (user_id, sha256, size_bytes)"
        " SELECT user_id, hash_sha256, max(file_size) FROM photos GROUP BY user_id, hash_sha256"
    )
    op.execute(
        "INSERT INTO quotas (user_id, used_bytes) SELECT user_id, sum(size_bytes) FROM originals GROUP BY user_id"
    )
