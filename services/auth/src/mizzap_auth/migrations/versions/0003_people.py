"""Consents, families, the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "people"
down_revision = "accounts"

_REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""
# deleting is for the retention alone, which says so in its own transaction
_REFUSE_DELETION = """
CREATE FUNCTION refuse_audit_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('mizzap.audit_forgets', true) IS DISTINCT FROM 'yes' THEN
        RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END $$
"""


def upgrade() -> None:
    now = sa.func.now()
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=now),
    )
    op.create_index("consents_by_user", "consents", ["user_id", "purpose", "id"])
    op.execute(
        "INSERT INTO consents (user_id, purpose, version, granted, at)"
        " SELECT id, 'privacy', '2025-10', true, coalesce(gdpr_consent_date, created_at) FROM users"
        " WHERE privacy_accepted"
    )
    op.create_table(
        "families",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("change", sa.BigInteger, nullable=False, server_default="0", comment="goes up with every event"),
    )
    op.create_table(
        "family_members",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("family_id", sa.BigInteger, sa.ForeignKey("families.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.UniqueConstraint("family_id", "user_id", name="family_members_once"),
    )
    op.create_index("family_members_by_user", "family_members", ["user_id"])
    op.create_table(
        "family_invitations",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("family_id", sa.BigInteger, sa.ForeignKey("families.id", ondelete="CASCADE"), nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False, unique=True),
        sa.Column("email_index", sa.LargeBinary),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("family_invitations_by_family", "family_invitations", ["family_id"])
    _create_audit_log()


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_index("audit_log_by_time", "audit_log", ["at"])
    op.create_table(
        "audit_heads",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("bridge_seq", sa.BigInteger, nullable=False),
        sa.Column("bridge_hash", sa.LargeBinary, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
    )
    for function in (_REFUSE, _REFUSE_DELETION):
        op.execute(function)
    for trigger in (
        "consents_stay BEFORE UPDATE ON consents FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "audit_stays BEFORE UPDATE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "audit_is_kept BEFORE DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_audit_deletion()",
        "audit_is_not_emptied BEFORE TRUNCATE ON audit_log EXECUTE FUNCTION refuse_change()",
    ):
        op.execute(f"CREATE TRIGGER {trigger}")
