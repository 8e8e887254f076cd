"""The tables of the dedup service."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from mizzap_common import ai_consents, changes, hidden, tables
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
    false,
)
from sqlalchemy.dialects.postgresql import BIT, JSONB
from sqlmodel import Field, SQLModel

metadata = MetaData()


class Base(SQLModel):
    metadata: ClassVar[MetaData] = metadata


def _foreign_id() -> Column[int]:
    return Column(BigInteger, primary_key=True, autoincrement=False)


class FingerprintRow(Base, table=True):
    """What is known of one photo. ``turns`` are the eight PDQ hashes, 32 bytes each; ``pdq`` is the first of them."""

    __tablename__ = "fingerprints"
    __table_args__ = (
        Index("fingerprints_by_bytes", "user_id", "sha256"),
        Index("fingerprints_by_pixels", "user_id", "pixel_hash"),
    )

    photo_id: int = Field(sa_column=_foreign_id())
    user_id: int = Field(sa_type=BigInteger)
    object_key: str = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)
    mime_type: str = Field(sa_type=Text)
    size_bytes: int = Field(sa_type=BigInteger)
    width: int
    height: int
    version: int = Field(sa_column=Column(BigInteger, nullable=False, comment="of the way the hashes are made"))
    pixel_hash: str = Field(sa_type=Text)
    pdq: str = Field(sa_column=Column(BIT(256), nullable=False))
    turns: bytes = Field(sa_type=LargeBinary)
    trimmed: str | None = Field(default=None, sa_column=Column(BIT(256)))
    pdq_quality: int
    phash: str = Field(sa_column=Column(Text, nullable=False, comment="64 bits, 16 hexadecimal digits"))
    taken_at: datetime | None = Field(default=None, sa_column=Column(DateTime, comment="the camera's own time"))
    offset_minutes: int | None = None
    make: str | None = Field(default=None, sa_type=Text)
    model: str | None = Field(default=None, sa_type=Text)
    serial: str | None = Field(default=None, sa_type=Text)
    burst_id: str | None = Field(default=None, sa_type=Text)
    embedded: bool = Field(
        default=False,
        sa_column=Column(Boolean, nullable=False, server_default=false(), comment="whether there is a vector of it"),
    )
    uploaded_at: datetime | None = Field(default=None, sa_column=tables.now())


class MatchRow(Base, table=True):
    """Two photos that match, the lower id first: the evidence that groups are made from."""

    __tablename__ = "matches"
    __table_args__ = (Index("matches_by_left", "user_id", "left_id"), Index("matches_by_right", "user_id", "right_id"))

    left_id: int = Field(sa_column=_foreign_id())
    right_id: int = Field(sa_column=_foreign_id())
    user_id: int = Field(sa_type=BigInteger)
    lane: str = Field(sa_type=Text)
    score: float
    reasons: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    by_likeness: bool = Field(
        default=False,
        sa_column=Column(Boolean, nullable=False, server_default=false(), comment="vectors led to it"),
    )
    created_at: datetime | None = Field(default=None, sa_column=tables.now())


class DuplicateRow(Base, table=True):
    """A suggested keeper and a photo that it could stand for, as the user sees it."""

    __tablename__ = "duplicates"
    __table_args__ = (
        Index("duplicates_pair", "primary_photo_id", "duplicate_photo_id", unique=True),
        Index("duplicates_by_user", "user_id", "action"),
        Index("duplicates_by_duplicate", "duplicate_photo_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    user_id: int = Field(sa_type=BigInteger)
    primary_photo_id: int = Field(sa_type=BigInteger)
    duplicate_photo_id: int = Field(sa_type=BigInteger)
    lane: str = Field(sa_type=Text)
    match_type: str = Field(sa_type=Text)
    similarity_score: float
    reasons: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    action: str = Field(default="pending", sa_type=Text)
    action_date: datetime | None = Field(default=None, sa_column=tables.time())
    words: int = Field(
        default=0,
        sa_column=Column(BigInteger, nullable=False, server_default="0", comment="how often the user said something"),
    )
    current: bool = Field(
        default=True,
        sa_column=Column(Boolean, nullable=False, comment="whether the groups as they are hold it; decided pairs stay"),
    )
    created_at: datetime | None = Field(default=None, sa_column=tables.now())


class DecisionRow(Base, table=True):
    """What the user said of a pair, the lower id first. It is never asked again, whoever the keeper would be."""

    __tablename__ = "decisions"
    __table_args__ = (Index("decisions_by_right", "right_id"),)

    left_id: int = Field(sa_column=_foreign_id())
    right_id: int = Field(sa_column=_foreign_id())
    user_id: int = Field(sa_type=BigInteger)
    action: str = Field(sa_type=Text)
    decided_at: datetime | None = Field(default=None, sa_column=tables.now())


class ActionRow(Base, table=True):
    """What a user's word about a pair was before it was changed: the way back. ``bulk`` is what was said at once."""

    __tablename__ = "actions"
    __table_args__ = (
        Index("actions_by_bulk", "user_id", "bulk"),
        Index("actions_by_pair", "user_id", "left_id", "right_id"),
    )

    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    bulk: UUID = Field(sa_column=Column(Uuid, nullable=False))
    user_id: int = Field(sa_type=BigInteger)
    left_id: int = Field(sa_type=BigInteger)
    right_id: int = Field(sa_type=BigInteger)
    before: str = Field(sa_type=Text)
    after: str = Field(sa_type=Text)
    pruned: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Too old to be taken back: known only as long as other steps of its bulk can be, which then is no whole."""
    created_at: datetime | None = Field(default=None, sa_column=tables.now())


tables.add_to(metadata)
changes.add_to(metadata)
hidden.add_to(metadata)
ai_consents.add_to(metadata)

Values = dict[str, Any]
"""Columns and what they are set to."""
