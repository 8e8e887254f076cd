"""Numbers of changes come from a sequence, which a restored backup can be told to leap forward."""

from alembic import op

revision = "numbers"
down_revision = "tier_changes"


def upgrade() -> None:
    op.execute("CREATE SEQUENCE change_numbers")
    op.execute(
        "SELECT setval('change_numbers', 1 + greatest("
        "(SELECT coalesce(max(change), 0) FROM families), (SELECT coalesce(max(tier_changes), 0) FROM users)))"
    )
