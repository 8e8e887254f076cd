"""The tables of the albums service."""

from datetime import datetime
from typing import ClassVar

from mizzap_common import hidden, tables
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    func,
)
from sqlmodel import Field, SQLModel

metadata = MetaData()


def _identity() -> Column[int]:
    return Column(BigInteger, Identity(), primary_key=True)


def _now() -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=False, server_default=func.now())


class Base(SQLModel):
    metadata: ClassVar[MetaData] = metadata


class AlbumRow(Base, table=True):
    """An album of one user."""

    __tablename__ = "albums"
    __table_args__ = (
        CheckConstraint("visibility IN ('private', 'shared')", name="albums_visibility"),
        Index("albums_by_user", "user_id", "created_at"),
    )

    id: int | None = Field(default=None, sa_column=_identity())
    user_id: int = Field(sa_type=BigInteger)
    name: str = Field(sa_type=String(255))
    description: str | None = Field(default=None, sa_type=Text)
    cover_photo_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, comment="as chosen; without a choice the first photo stands there")
    )
    visibility: str = Field(default="private", sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_column=_now())
    updated_at: datetime | None = Field(default=None, sa_column=_now())


class AlbumPhotoRow(Base, table=True):
    """A photo's place in an album. Removals leave gaps between the positions: only their order means something."""

    __tablename__ = "album_photos"
    __table_args__ = (
        UniqueConstraint("album_id", "photo_id", name="album_photos_identity"),
        Index("album_photos_in_order", "album_id", "position"),
        Index("album_photos_by_photo", "photo_id"),
    )

    id: int | None = Field(default=None, sa_column=_identity())
    album_id: int = Field(sa_column=Column(BigInteger, ForeignKey("albums.id", ondelete="CASCADE"), nullable=False))
    photo_id: int = Field(sa_type=BigInteger)
    position: int
    added_at: datetime | None = Field(default=None, sa_column=_now())


tables.add_to(metadata)
hidden.add_to(metadata)
