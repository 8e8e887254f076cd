"""The tables of the auth service."""

from datetime import datetime
from typing import ClassVar

from mizzap_common import tables
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Sequence,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

metadata = MetaData()

CHANGE_NUMBERS = Sequence("change_numbers", metadata=metadata)
"""What numbers the changes of a family or a tier: unlike a count it can be led past what a backup doesn't know of."""


def _user_id() -> Column[int]:
    return Column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def _family_id() -> Column[int]:
    return Column(BigInteger, ForeignKey("families.id", ondelete="CASCADE"), nullable=False)


def _bytes() -> Column[bytes]:
    return Column(LargeBinary, nullable=False)


class Base(SQLModel):
    metadata: ClassVar[MetaData] = metadata


class UserRow(Base, table=True):
    """An account."""

    __tablename__ = "users"

    id: int | None = Field(default=None, sa_column=tables.identity())
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
    tier_changes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """The number of its last change, which the event carries."""
    gdpr_consent_date: datetime | None = Field(default=None, sa_column=tables.time())
    created_at: datetime | None = Field(default=None, sa_column=tables.now())
    updated_at: datetime | None = Field(default=None, sa_column=tables.now())
    deleted_at: datetime | None = Field(default=None, sa_column=tables.time())


class SessionRow(Base, table=True):
    """A login on one device: the family of the refresh tokens that follow one another."""

    __tablename__ = "sessions"
    __table_args__ = (Index("sessions_by_user", "user_id"), Index("sessions_by_end", "expires_at"))

    id: int | None = Field(default=None, sa_column=tables.identity())
    user_id: int = Field(sa_column=Column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False))
    device_name: str = Field(sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_column=tables.now())
    last_used_at: datetime | None = Field(default=None, sa_column=tables.now())
    """When it last got new tokens or was asked about, to within a few minutes."""
    expires_at: datetime = Field(sa_column=tables.time(nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=tables.time())


class RefreshTokenRow(Base, table=True):
    """One refresh token; only its SHA-256 is kept."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index("refresh_tokens_by_session", "session_id"),)

    token_hash: str = Field(sa_column=Column(Text, primary_key=True))
    session_id: int = Field(sa_column=Column(BigInteger, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False))
    created_at: datetime | None = Field(default=None, sa_column=tables.now())
    rotated_at: datetime | None = Field(default=None, sa_column=tables.time())
    successor_salt: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """With it the token itself, and nobody else, gives its successor once more."""


class ConsentRow(Base, table=True):
    """Something that a user agreed to or took back, once; the latest of a purpose counts. Never changed."""

    __tablename__ = "consents"
    __table_args__ = (Index("consents_by_user", "user_id", "purpose", "id"),)

    id: int | None = Field(default=None, sa_column=tables.identity())
    user_id: int = Field(sa_column=_user_id())
    purpose: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    granted: bool
    at: datetime | None = Field(default=None, sa_column=tables.now())


class FamilyRow(Base, table=True):
    __tablename__ = "families"

    id: int | None = Field(default=None, sa_column=tables.identity())
    name: str = Field(sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_column=tables.now())
    change: int = Field(
        default=0,
        sa_column=Column(BigInteger, nullable=False, server_default="0", comment="goes up with every event"),
    )


class FamilyMemberRow(Base, table=True):
    __tablename__ = "family_members"
    __table_args__ = (
        UniqueConstraint("family_id", "user_id", name="family_members_once"),
        Index("family_members_by_user", "user_id"),
    )

    id: int | None = Field(default=None, sa_column=tables.identity())
    family_id: int = Field(sa_column=_family_id())
    user_id: int = Field(sa_column=_user_id())
    role: str = Field(sa_type=Text)
    joined_at: datetime | None = Field(default=None, sa_column=tables.now())


class FamilyInvitationRow(Base, table=True):
    """An open invitation; it goes when it is used. Token and address are kept as hashes only."""

    __tablename__ = "family_invitations"
    __table_args__ = (Index("family_invitations_by_family", "family_id"),)

    id: int | None = Field(default=None, sa_column=tables.identity())
    family_id: int = Field(sa_column=_family_id())
    role: str = Field(sa_type=Text)
    token_hash: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    email_index: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    created_at: datetime | None = Field(default=None, sa_column=tables.now())
    expires_at: datetime = Field(sa_column=tables.time(nullable=False))


class AuditRow(Base, table=True):
    """What happened to an account or its files. No foreign key: a user's deletion must not change the log."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("audit_log_by_time", "at"),)

    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=tables.time(nullable=False))
    action: str = Field(sa_type=Text)
    about: str = Field(sa_type=Text)
    previous: bytes = Field(sa_column=_bytes())
    hash: bytes = Field(sa_column=_bytes())


class AuditHeadRow(Base, table=True):
    """The two ends of a user's chain: the last entry that was dropped for its age, and the newest; signed."""

    __tablename__ = "audit_heads"

    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    bridge_seq: int = Field(sa_type=BigInteger)
    bridge_hash: bytes = Field(sa_column=_bytes())
    seq: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_column=_bytes())
    seal: bytes = Field(sa_column=_bytes())


tables.add_to(metadata)
