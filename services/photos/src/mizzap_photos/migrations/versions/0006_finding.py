"""Locations sealed, places found by blind index, an index for each order of the list, the change feed."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_change_tables

revision = "finding"
down_revision = "user_tombstones"

_ORDERS = {"by_day": "created_date", "by_upload": "uploaded_at"}
_NEW_ORDERS = {"by_name": "file_name", "by_size": "file_size", "by_quality": "quality_score"}


def upgrade() -> None:
    _seal_locations()
    # both are trusted extensions: the database's owner may have them without being a superuser
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.add_column("photos", sa.Column("search_text", sa.Text, comment="the names of the file and the camera, folded"))
    op.execute("UPDATE photos SET search_text = lower(concat_ws(chr(10), file_name, camera_model))")
    op.alter_column("photos", "search_text", nullable=False)
    op.create_index(
        "photos_by_words",
        "photos",
        ["user_id", "search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    for name in _ORDERS:
        op.drop_index(f"photos_{name}", "photos")
    for name, column in (_ORDERS | _NEW_ORDERS).items():
        op.create_index(f"photos_{name}", "photos", ["user_id", column, "id"])
    op.create_index("photos_in_order", "photos", ["user_id", "id"])
    op.create_table(
        "photo_places",
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.Column("photo_id", sa.BigInteger, sa.ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "token", "photo_id"),
    )
    op.create_index("photo_places_by_photo", "photo_places", ["photo_id"])
    create_change_tables()
    _begin_feed()


def _seal_locations() -> None:
    located = sa.text("SELECT EXISTS (SELECT FROM photos WHERE location_latitude IS NOT NULL)")
    if op.get_bind().execute(located).scalar_one():
        raise RuntimeError(
            "This database holds photos whose locations are not sealed, which no release ever wrote: "
            "please upload them again into a fresh one."
        )
    op.drop_column("photos", "location_latitude")
    op.drop_column("photos", "location_longitude")
    sealed = {"location": "latitude and longitude, sealed at photos/{id}/location",
              "place": "the town next to it, sealed at photos/{id}/place"}  # fmt: skip
    for column, comment in sealed.items():
        op.add_column("photos", sa.Column(column, sa.LargeBinary, comment=comment))


def _begin_feed() -> None:
    """What there is already is news to everybody; what is in the trash is new when it comes back."""
    op.execute(
        "INSERT INTO changes (user_id, kind, thing_id, seq, created_seq, deleted) "
        "SELECT user_id, 'photo', id, number, number, trashed FROM "
        "(SELECT user_id, id, trashed_at IS NOT NULL AS trashed, row_number() OVER (PARTITION BY user_id ORDER BY id)"
        " AS number FROM photos) AS numbered"
    )
    op.execute("INSERT INTO change_heads (user_id, seq) SELECT user_id, max(seq) FROM changes GROUP BY user_id")
