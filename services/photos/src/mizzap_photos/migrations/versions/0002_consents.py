"""The AI consent as it was heard."""

from mizzap_common.migrations import create_ai_consents_table

revision = "consents"
down_revision = "0001"


def upgrade() -> None:
    create_ai_consents_table()
