"""What partners are told of users who are gone."""

import sqlalchemy as sa
from alembic import op

revision = "farewells"
down_revision = "user_tombstones"


def _time(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)  # type: ignore[arg-type]


def upgrade() -> None:
    op.create_table(
        "partner_farewells",
        sa.Column("order_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("partner", sa.Text, nullable=False),
        _time("created_at", nullable=False, server_default=sa.func.now()),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        _time("send_after", nullable=False),
        _time("claimed_until"),
    )
    op.create_index("partner_farewells_waiting", "partner_farewells", ["send_after"])
