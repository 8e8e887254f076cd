"""Orders to the partners, and the change feed."""

import sqlalchemy as sa
from alembic import op
from mizzap_common.migrations import create_change_tables
from sqlalchemy.dialects.postgresql import JSONB

revision = "orders"
down_revision = "hidden_photos"


def _time(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)  # type: ignore[arg-type]


def _order_id(**options: object) -> sa.Column[object]:
    return sa.Column(
        "order_id",
        sa.BigInteger,
        sa.ForeignKey("partner_orders.id", ondelete="CASCADE"),
        **options,  # type: ignore[arg-type]
    )


def upgrade() -> None:
    create_change_tables()
    now = sa.func.now()
    op.create_table(
        "partner_orders",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("partner", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("wishes", JSONB, nullable=False, comment="what is ordered, in the user's words"),
        sa.Column("progress", sa.Integer),
        sa.Column("message", sa.Text),
        sa.Column("delivery_url", sa.Text),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("consent_version", sa.Text, nullable=False),
        _time("consent_given_at", nullable=False, server_default=now),
        _time("consent_withdrawn_at"),
        _time("links_expire_at", nullable=False),
        _time("created_at", nullable=False, server_default=now),
        _time("updated_at", nullable=False, server_default=now),
    )
    op.create_index("partner_orders_by_user", "partner_orders", ["user_id", "id"])
    op.create_table(
        "partner_order_photos",
        _order_id(primary_key=True),
        sa.Column("photo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_index("partner_order_photos_by_photo", "partner_order_photos", ["user_id", "photo_id"])
    op.create_table(
        "partner_requests",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        _order_id(nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message_id", sa.Uuid, nullable=False, comment="the same with every try: the partner's key"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        _time("send_after", nullable=False, server_default=now),
        _time("claimed_until"),
        _time("done_at"),
        sa.Column("outcome", sa.Text),
    )
    waiting = sa.text("done_at IS NULL")
    op.create_index("partner_requests_waiting", "partner_requests", ["send_after"], postgresql_where=waiting)
    op.create_index("partner_requests_by_order", "partner_requests", ["order_id"])
    op.create_table(
        "partner_callbacks",
        sa.Column("partner", sa.Text, primary_key=True),
        sa.Column("webhook_id", sa.Text, primary_key=True),
        _order_id(nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("answer", JSONB, nullable=False),
        _time("created_at", nullable=False, server_default=now),
    )
    op.create_index("partner_callbacks_by_order", "partner_callbacks", ["order_id"])
