"""The tables of the albums service."""

from datetime import datetime
from typing import ClassVar

from mizzap_common import changes, hidden, tables
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

metadata = MetaData()


class Base(SQLModel):
    metadata: ClassVar[MetaData] = metadata


class AlbumRow(Base, table=True):
    """An album of one user."""

    __tablename__ = "albums"
    __table_args__ = (
        CheckConstraint("visibility IN ('private', 'shared')", name="albums_visibility"),
        Index("albums_by_user", "user_id", "created_at"),
    )

    id: int | None = Field(default=None, sa_column=tables.identity())
    user_id: int = Field(sa_type=BigInteger)
    name: str = Field(sa_type=String(255))
    description: str | None = Field(default=None, sa_type=Text)
    cover_photo_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, comment="as chosen; without a choice the first photo stands there")
    )
    visibility: str = Field(default="private", sa_type=Text)
    version: int = Field(default=1, sa_column=Column(BigInteger, nullable=False, server_default="1"))
    created_at: datetime | None = Field(default=None, sa_column=tables.now())
    updated_at: datetime | None = Field(default=None, sa_column=tables.now())


class AlbumPhotoRow(Base, table=True):
    """A photo's place in an album. There are gaps between the positions, for moves: only their order means something."""

    __tablename__ = "album_photos"
    __table_args__ = (
        UniqueConstraint("album_id", "photo_id", name="album_photos_identity"),
        Index("album_photos_in_order", "album_id", "position"),
        Index("album_photos_by_photo", "photo_id"),
        Index("album_photos_by_owner", "owner_id"),
    )

    id: int | None = Field(default=None, sa_column=tables.identity())
    album_id: int = Field(sa_column=Column(BigInteger, ForeignKey("albums.id", ondelete="CASCADE"), nullable=False))
    photo_id: int = Field(sa_type=BigInteger)
    owner_id: int = Field(sa_column=Column(BigInteger, nullable=False, comment="whose photo it is"))
    position: int = Field(sa_type=BigInteger)
    added_at: datetime | None = Field(default=None, sa_column=tables.now())


class FamilyMemberRow(Base, table=True):
    """What this service knows of the families, from events: who is in which, as what.

    Who leaves keeps a row without a role: a late event of the time before must not bring them back.
    """

    __tablename__ = "family_members"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'member', 'viewer')", name="family_members_role"),
        Index("family_members_by_user", "user_id"),
    )

    family_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    role: str | None = Field(default=None, sa_column=Column(Text, comment="none for who has left"))
    change: int = Field(
        sa_column=Column(BigInteger, nullable=False, comment="the family's latest that told of this member")
    )


class DeletedFamilyRow(Base, table=True):
    """A family that is gone for ever: late events can't bring it back."""

    __tablename__ = "deleted_families"

    family_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    deleted_at: datetime | None = Field(default=None, sa_column=tables.now())


class SharedAlbumRow(Base, table=True):
    """An album that its owner shares with a family."""

    __tablename__ = "shared_albums"
    __table_args__ = (
        CheckConstraint("visibility IN ('family', 'private')", name="shared_albums_visibility"),
        UniqueConstraint("album_id", "family_id", name="shared_albums_identity"),
        Index("shared_albums_by_family", "family_id"),
    )

    id: int | None = Field(default=None, sa_column=tables.identity())
    album_id: int = Field(sa_column=Column(BigInteger, ForeignKey("albums.id", ondelete="CASCADE"), nullable=False))
    family_id: int = Field(sa_type=BigInteger)
    visibility: str = Field(sa_type=Text)
    originals: bool = Field(sa_column=Column(Boolean, nullable=False, comment="members may download them"))
    created_at: datetime | None = Field(default=None, sa_column=tables.now())


tables.add_to(metadata)
hidden.add_to(metadata)
changes.add_to(metadata)
