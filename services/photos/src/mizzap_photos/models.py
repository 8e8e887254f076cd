"""The tables of the photos service."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from mizzap_common import ai_consents, changes, tables
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Text,
    Uuid,
    false,
    text,
)
from sqlmodel import Field, SQLModel

metadata = MetaData()


class Base(SQLModel):
    metadata: ClassVar[MetaData] = metadata


class PhotoRow(Base, table=True):
    """One photo of one user. Several may share one stored original: same bytes under other names."""

    __tablename__ = "photos"
    __table_args__ = (
        Index("photos_identity", "user_id", "hash_sha256", "file_name", unique=True),
        Index("photos_by_md5", "user_id", "hash_md5"),
        # one for each order that a list can have, in both directions
        Index("photos_in_order", "user_id", "id"),
        Index("photos_by_day", "user_id", "created_date", "id"),
        Index("photos_by_upload", "user_id", "uploaded_at", "id"),
        Index("photos_by_name", "user_id", "file_name", "id"),
        Index("photos_by_size", "user_id", "file_size", "id"),
        Index("photos_by_quality", "user_id", "quality_score", "id"),
        Index(
            "photos_by_words",
            "user_id",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
        Index("photos_in_trash", "trashed_at", postgresql_where=text("trashed_at IS NOT NULL")),
    )

    id: int | None = Field(default=None, sa_column=tables.identity())
    user_id: int = Field(sa_type=BigInteger)
    file_name: str = Field(sa_type=Text)
    object_key: str = Field(sa_type=Text)
    file_size: int = Field(sa_type=BigInteger)
    mime_type: str = Field(sa_type=Text)
    hash_md5: str = Field(sa_type=Text)
    hash_sha256: str = Field(sa_type=Text)
    hash_perceptual: str | None = Field(default=None, sa_type=Text)
    width: int | None = None
    height: int | None = None
    duration_seconds: int | None = None
    created_date: datetime | None = Field(default=None, sa_column=Column(DateTime, comment="the camera's own time"))
    location: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary, comment="latitude and longitude, sealed at photos/{id}/location")
    )
    place: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary, comment="the town next to it, sealed at photos/{id}/place")
    )
    camera_model: str | None = Field(default=None, sa_type=Text)
    search_text: str = Field(
        sa_column=Column(Text, nullable=False, comment="the names of the file and the camera, folded")
    )
    upload_status: str = Field(default="uploaded", sa_type=Text)
    error_code: str | None = Field(default=None, sa_type=Text)
    error_message: str | None = Field(default=None, sa_type=Text)
    is_favourite: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    has_duplicates: bool = False
    duplicate_count: int = 0
    quality_score: float | None = None
    uploaded_at: datetime | None = Field(default=None, sa_column=tables.now())
    processed_at: datetime | None = Field(default=None, sa_column=tables.time())
    updated_at: datetime | None = Field(default=None, sa_column=tables.now())
    outcome_version: int = Field(
        default=0,
        sa_column=Column(
            BigInteger, nullable=False, server_default="0", comment="outcomes of processing that were told"
        ),
    )
    trashed_at: datetime | None = Field(default=None, sa_column=tables.time())
    """Since when it is in the trash, hidden from its owner everywhere else."""
    trash_version: int = Field(
        default=0,
        sa_column=Column(BigInteger, nullable=False, server_default="0", comment="moves into the trash and out of it"),
    )


class JobRow(Base, table=True):
    """One step of one photo: what should be done, and whether it is."""

    __tablename__ = "background_jobs"
    __table_args__ = (
        Index("jobs_by_photo", "photo_id", "job_type", unique=True),
        Index("jobs_by_user", "user_id", "id"),
        Index("jobs_pending", "job_type", "created_at", postgresql_where=text("status IN ('queued', 'processing')")),
    )

    id: int | None = Field(default=None, sa_column=tables.identity())
    user_id: int = Field(sa_type=BigInteger)
    photo_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    )
    job_type: str = Field(sa_type=Text)
    status: str = Field(default="queued", sa_type=Text)
    retry_count: int = 0
    error_code: str | None = Field(default=None, sa_type=Text)
    error_message: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_column=tables.now())
    started_at: datetime | None = Field(default=None, sa_column=tables.time())
    completed_at: datetime | None = Field(default=None, sa_column=tables.time())
    asked_at: datetime | None = Field(
        default=None,
        sa_column=Column(DateTime(timezone=True), comment="when the sweeper last had the upload told again"),
    )
    asked_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often the sweeper has asked since the step was wanted; ``retry_count`` goes on over all times."""
    request_id: UUID | None = Field(
        default=None, sa_column=Column(Uuid, comment="the event processing.requested that wants it; none is the upload")
    )


class QuotaRow(Base, table=True):
    """What a user may store and does. ``used_bytes`` is always the sum of the user's originals."""

    __tablename__ = "quotas"

    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    tier: str = Field(default="free", sa_column=Column(Text, nullable=False, server_default="free"))
    tier_change: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """The number of the event that told the tier."""
    used_bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    trash_days: int | None = Field(
        default=None, sa_column=Column(Integer, comment="as chosen; without a choice the tier's")
    )


class OriginalRow(Base, table=True):
    """A stored original that its user's quota is charged with, once, however many photos share it."""

    __tablename__ = "originals"

    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    sha256: str = Field(sa_column=Column(Text, primary_key=True))
    size_bytes: int = Field(sa_type=BigInteger)


class PairRow(Base, table=True):
    """A duplicate pair as dedup tells it, kept to count a photo's duplicates. A withdrawn one never comes back."""

    __tablename__ = "duplicate_pairs"
    __table_args__ = (
        Index("pairs_by_primary", "primary_photo_id"),
        Index("pairs_by_duplicate", "duplicate_photo_id"),
    )

    duplicate_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    user_id: int = Field(sa_type=BigInteger)
    primary_photo_id: int = Field(sa_type=BigInteger)
    duplicate_photo_id: int = Field(sa_type=BigInteger)
    active: bool = True
    """Whether it is counted: it stands by the user's last word, and both photos were there."""
    withdrawn: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """For good. Is set and never unset: what is told about a pair may arrive in any order."""
    change: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """The number of the user's last word that is known."""


class PhotoPlaceRow(Base, table=True):
    """A word of the place where a photo was taken, as a blind index."""

    __tablename__ = "photo_places"
    __table_args__ = (
        PrimaryKeyConstraint("user_id", "token", "photo_id"),
        Index("photo_places_by_photo", "photo_id"),
    )

    user_id: int = Field(sa_type=BigInteger)
    token: bytes = Field(sa_type=LargeBinary)
    photo_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    )


tables.add_to(metadata)
changes.add_to(metadata)
ai_consents.add_to(metadata)
