"""The table of exports."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, Text, text
from sqlmodel import Field

from mizzap_auth.models import Base


def _time(nullable: bool = True) -> Column[Any]:
    return Column(DateTime(timezone=True), nullable=nullable)


class ExportRow(Base, table=True):
    """A file with everything of a user, from the wish for it to its removal."""

    __tablename__ = "exports"
    __table_args__ = (
        Index("exports_by_user", "user_id", "id"),
        # one at a time for each user
        Index("exports_under_way", "user_id", unique=True, postgresql_where=text("status IN ('queued', 'building')")),
        Index("exports_by_end", "expires_at", postgresql_where=text("status = 'ready'")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    user_id: int = Field(sa_column=Column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False))
    status: str = Field(default="queued", sa_type=Text)
    tries: int = 0
    claimed_until: datetime | None = Field(default=None, sa_column=_time())
    photos_done: int = 0
    photos_total: int = 0
    bytes_done: int = Field(default=0, sa_type=BigInteger)
    sha256: str | None = Field(default=None, sa_type=Text)
    """Of the file."""
    error: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_column=_time(nullable=False))
    ready_at: datetime | None = Field(default=None, sa_column=_time())
    expires_at: datetime | None = Field(default=None, sa_column=_time())
