"""The tables that every service with a database has beside its own (delivery, tombstones), and columns that recur."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def identity() -> Column[int]:
    """A key that the database numbers."""
    return Column(BigInteger, Identity(), primary_key=True)


def now(name: str | None = None) -> Column[datetime]:
    """When the row was made, unless the writer says otherwise."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def time(*, nullable: bool = True) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=nullable)


OUTBOX = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("headers", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("cause", Uuid, nullable=True, comment="id of the event whose handling made this one"),
    Column("attempt", Integer, nullable=False, server_default="0", comment="how often it was armed again"),
    now("created_at"),
    Column("published_at", DateTime(timezone=True), nullable=True),
    Index("outbox_unpublished", "seq", postgresql_where=text("published_at IS NULL")),
    Index("outbox_about", "about", "subject"),
    Index("outbox_cause", "cause"),
    Index("outbox_published", "published_at"),
)

INBOX = Table(
    "inbox",
    metadata,
    Column("consumer", Text, nullable=False),
    Column("event_id", Uuid, nullable=False),
    now("handled_at"),
    PrimaryKeyConstraint("consumer", "event_id"),
    Index("inbox_handled", "handled_at"),
)

BROKER_EPOCHS = Table(
    "broker_epochs",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("created", Text, nullable=False, comment="when the broker made the stream that we publish to"),
)

OUTLIVES_USER = {"outlives_user": True}
"""A table's ``info``: its rows about a user stay when the user is erased. They hold ids and times, nothing else."""

USER_TOMBSTONES = Table(
    "user_tombstones",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    now("created_at"),
    info=OUTLIVES_USER,
)

TOMBSTONES = Table(
    "tombstones",
    metadata,
    Column("photo_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, nullable=False),
    now("created_at"),
)


def add_to(service_metadata: MetaData) -> None:
    """Makes the shared tables part of a service's own metadata, so that its migrations are checked against them."""
    for table in metadata.sorted_tables:
        table.to_metadata(service_metadata)
