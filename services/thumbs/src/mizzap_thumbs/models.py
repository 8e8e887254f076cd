"""The tables of the thumbs service."""

from datetime import datetime
from typing import ClassVar

from mizzap_common import tables
from sqlalchemy import BigInteger, Index, MetaData, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

metadata = MetaData()


class RenditionRow(SQLModel, table=True):
    """A smaller JPEG of a photo: ``side`` is the longest side asked for, ``width`` × ``height`` what came of it."""

    __tablename__ = "renditions"
    __table_args__ = (
        UniqueConstraint("photo_id", "side", name="renditions_identity"),
        Index("renditions_by_user", "user_id"),
    )
    metadata: ClassVar[MetaData] = metadata

    id: int | None = Field(default=None, sa_column=tables.identity())
    user_id: int = Field(sa_type=BigInteger)
    photo_id: int = Field(sa_type=BigInteger)
    side: int
    width: int
    height: int
    size_bytes: int = Field(sa_type=BigInteger)
    object_key: str = Field(sa_type=Text)
    etag: str = Field(sa_type=Text)
    """SHA-256 of the JPEG: changes with its bytes and with nothing else."""
    created_at: datetime | None = Field(default=None, sa_column=tables.now())


tables.add_to(metadata)
