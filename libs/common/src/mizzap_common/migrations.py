"""Migrations: alembic, inside each service's package, run by ``python -m mizzap_NAME migrate``.

A service's ``migrations/env.py`` is one call of ``run``; its first revision calls ``create_shared_tables``.
"""

from importlib.resources import files

import sqlalchemy as sa
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB

_LOCK = 7_700_001
"""Advisory lock: several replicas may migrate at the same time, one does it."""


def config(package: str, url: str) -> Config:
    """Alembic's configuration for a service's package, without a file."""
    made = Config()
    made.set_main_option("script_location", str(files(package) / "migrations"))
    made.attributes["url"] = url
    return made


def upgrade(package: str, url: str) -> None:
    """Brings the database to the newest revision."""
    command.upgrade(config(package, url), "head")


def check(package: str, url: str) -> None:
    """Raises alembic's CommandError when the models say something else than the migrations."""
    command.check(config(package, url))


def run(metadata: MetaData) -> None:
    """The whole of a service's ``env.py``."""
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def create_shared_tables() -> None:
    """Outbox, inbox, broker epochs and tombstones as the first revision of every service has them.

    Frozen: what changes in ``tables.py`` later is a migration of its own in each service.
    """
    now = sa.func.now()
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False, unique=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("headers", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("cause", sa.Uuid, comment="id of the event whose handling made this one"),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0", comment="how often it was armed again"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("published_at", sa.DateTime(timezone=True)),
    )
    op.create_index("outbox_unpublished", "outbox", ["seq"], postgresql_where=sa.text("published_at IS NULL"))
    op.create_index("outbox_about", "outbox", ["about", "subject"])
    op.create_index("outbox_cause", "outbox", ["cause"])
    op.create_index("outbox_published", "outbox", ["published_at"])
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
    )
    op.create_index("inbox_handled", "inbox", ["handled_at"])
    op.create_table(
        "broker_epochs",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("created", sa.Text, nullable=False, comment="when the broker made the stream that we publish to"),
    )
    op.create_table(
        "tombstones",
        sa.Column("photo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
    )


def create_hidden_table() -> None:
    """The table of photos in the trash as its first revision has it. Frozen, as the shared ones are."""
    op.create_table(
        "hidden_photos",
        sa.Column("photo_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, comment="of the last word about the photo"),
        sa.Column("hidden", sa.Boolean, nullable=False),
    )


def create_change_tables() -> None:
    """The change feed's tables as their first revision has them. Frozen, as the shared ones are."""
    op.create_table(
        "changes",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("thing_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False, comment="when it last changed, counted per user"),
        sa.Column("created_seq", sa.BigInteger, nullable=False, comment="when it was first seen"),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index("changes_in_order", "changes", ["user_id", "seq"])
    op.create_table(
        "change_heads",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )


def create_change_epoch() -> None:
    """The epoch of the change feed as its first revision has it. Frozen, as the shared ones are."""
    op.create_table(
        "change_epoch",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
        sa.Column("epoch", sa.BigInteger, nullable=False, comment="at random; without a row it is 0, the first"),
    )


def create_user_tombstones() -> None:
    """The tombstones of erased users as their first revision has them. Frozen, as the shared ones are."""
    op.create_table(
        "user_tombstones",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def create_ai_consents_table() -> None:
    """The AI consents as a worker knows them, as their first revision has them. Frozen, as the shared ones are."""
    op.create_table(
        "ai_consents",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False, comment="of auth's; the highest counts"),
    )
