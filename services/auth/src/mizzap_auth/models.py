"""The tables of the auth service."""

from datetime import datetime
from typing import ClassVar

from mizzap_common import tables
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, LargeBinary, MetaData, Text, func
from sqlmodel import Field, SQLModel

metadata = MetaData()


def _identity() -> Column[int]:
    return Column(BigInteger, Identity(), primary_key=True)


def _now() -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=False, server_default=func.now())


def _time(nullable: bool = True) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=nullable)


class Base(SQLModel):
    metadata: ClassVar[MetaData] = metadata


class UserRow(Base, table=True):
    """An account."""

    __tablename__ = "users"

    id: int | None = Field(default=None, sa_column=_identity())
    email: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """As the user writes it, sealed."""
    email_index: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    """The blind index of what makes two addresses the same account: without case, in one Unicode form."""
    password_hash: str = Field(sa_type=Text)
    username: str | None = Field(default=None, sa_type=Text)
    full_name: str | None = Field(default=None, sa_type=Text)
    country: str = Field(default="FR", sa_type=Text)
    privacy_accepted: bool = False
    tier: str = Field(default="free", sa_column=Column(Text, nullable=False, server_default="free"))
    gdpr_consent_date: datetime | None = Field(default=None, sa_column=_time())
    created_at: datetime | None = Field(default=None, sa_column=_now())
    updated_at: datetime | None = Field(default=None, sa_column=_now())
    deleted_at: datetime | None = Field(default=None, sa_column=_time())


class SessionRow(Base, table=True):
    """A login on one device: the family of the refresh tokens that follow one another."""

    __tablename__ = "sessions"
    __table_args__ = (Index("sessions_by_user", "user_id"), Index("sessions_by_end", "expires_at"))

    id: int | None = Field(default=None, sa_column=_identity())
    user_id: int = Field(sa_column=Column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False))
    device_name: str = Field(sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_column=_now())
    last_used_at: datetime | None = Field(default=None, sa_column=_now())
    """When it last got new tokens or was asked about, to within a few minutes."""
    expires_at: datetime = Field(sa_column=_time(nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=_time())


class RefreshTokenRow(Base, table=True):
    """One refresh token; only its SHA-256 is kept."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index("refresh_tokens_by_session", "session_id"),)

    token_hash: str = Field(sa_column=Column(Text, primary_key=True))
    session_id: int = Field(sa_column=Column(BigInteger, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False))
    created_at: datetime | None = Field(default=None, sa_column=_now())
    rotated_at: datetime | None = Field(default=None, sa_column=_time())
    successor_salt: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """With it the token itself, and nobody else, gives its successor once more."""


tables.add_to(metadata)
