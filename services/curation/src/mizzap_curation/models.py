"""The tables of the curation service."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from mizzap_common import ai_consents, changes, hidden, tables
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

metadata = MetaData()


class Base(SQLModel):
    metadata: ClassVar[MetaData] = metadata


class ScoreRow(Base, table=True):
    """A photo's technical quality and the components it comes from, each 0 to 1, and when it was taken."""

    __tablename__ = "scores"
    __table_args__ = (
        Index("scores_by_user", "user_id"),
        # NaN is greater than every number: a decoder gone wild can't put one in
        CheckConstraint("quality >= 0 AND quality <= 1", name="scores_quality_range"),
    )

    photo_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    user_id: int = Field(sa_type=BigInteger)
    taken_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=False)))
    """The camera's local time."""
    quality: float
    sharpness: float
    exposure: float
    contrast: float
    colourfulness: float
    low_noise: float
    resolution: float
    screenshot: bool
    failed: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Another step of the photo failed: it can't be shown, and is no candidate until it is processed after all."""
    outcome_version: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Of the outcome that `failed` comes from; an earlier one that arrives later changes nothing."""
    scored_at: datetime | None = Field(default=None, sa_column=tables.now())


class UnscoredRow(Base, table=True):
    """A photo that was left out, as its user has not agreed to AI; asked for when that changes."""

    __tablename__ = "unscored"
    __table_args__ = (Index("unscored_by_user", "user_id"),)

    photo_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    user_id: int = Field(sa_type=BigInteger)


class PairRow(Base, table=True):
    """Two photos of which one is enough to show, unless dedup has withdrawn the pair or the user has rejected it.

    What is told about a pair may arrive in any order: a withdrawn one never comes back.
    """

    __tablename__ = "duplicate_pairs"
    __table_args__ = (Index("pairs_by_user", "user_id", postgresql_where=text("NOT (withdrawn OR rejected)")),)

    duplicate_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    user_id: int = Field(sa_type=BigInteger)
    primary_photo_id: int = Field(sa_type=BigInteger)
    duplicate_photo_id: int = Field(sa_type=BigInteger)
    withdrawn: bool
    rejected: bool
    change: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """The number of the user's word that `rejected` comes from; an earlier one that arrives later changes nothing."""


class SetRow(Base, table=True):
    """A user's best moments, and whether they have to be chosen anew."""

    __tablename__ = "curated_sets"
    __table_args__ = (
        UniqueConstraint("user_id", name="curated_sets_user"),
        Index("curated_sets_due", "due_at", postgresql_where=text("status = 'suggested'")),
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    user_id: int = Field(sa_type=BigInteger)
    status: str = Field(default="suggested", sa_column=Column(Text, nullable=False, server_default="suggested"))
    photos: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many scored photos the moments were chosen from."""
    wanted: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Goes up with every change of the library and of the user's mind."""
    made: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """What `wanted` was when the moments were chosen."""
    edits: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Goes up when the user changes something: a choice that began before that is thrown away."""
    due_since: datetime | None = Field(default=None, sa_column=tables.time())
    due_at: datetime | None = Field(default=None, sa_column=tables.time())
    claimed_until: datetime | None = Field(default=None, sa_column=tables.time())
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often in a row the moments could not be chosen, by a mistake of ours: the pauses grow with it."""
    updated_at: datetime | None = Field(default=None, sa_column=tables.time())
    confirmed_at: datetime | None = Field(default=None, sa_column=tables.time())


class MomentRow(Base, table=True):
    """A photo in a set."""

    __tablename__ = "moments"
    __table_args__ = (Index("moments_by_photo", "photo_id"),)

    set_id: int = Field(sa_column=Column(ForeignKey("curated_sets.id", ondelete="CASCADE"), primary_key=True))
    photo_id: int = Field(sa_column=Column(ForeignKey("scores.photo_id", ondelete="CASCADE"), primary_key=True))
    position: int
    score: float
    reasons: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    pinned: bool


class ChoiceRow(Base, table=True):
    """What a user wants of a photo: in the set for good, out of it for good, or at a place of its own."""

    __tablename__ = "choices"

    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    photo_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    wish: str | None = Field(default=None, sa_column=Column(Text, comment="'pinned', 'removed' or nothing"))
    wished_at: datetime = Field(default=None, sa_column=tables.now())
    """Of more pinned photos than a set holds the newest wishes count."""
    position: int | None = None


def _order_id(**options: Any) -> Column[Any]:
    return Column(ForeignKey("partner_orders.id", ondelete="CASCADE"), **options)


class OrderRow(Base, table=True):
    """What a user has ordered from a partner, and the consent to hand it the photos."""

    __tablename__ = "partner_orders"
    __table_args__ = (Index("partner_orders_by_user", "user_id", "id"),)

    id: int = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    user_id: int = Field(sa_type=BigInteger)
    partner: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    wishes: dict[str, Any] = Field(
        sa_column=Column(JSONB, nullable=False, comment="what is ordered, in the user's words")
    )
    progress: int | None = None
    message: str | None = Field(default=None, sa_type=Text)
    delivery_url: str | None = Field(default=None, sa_type=Text)
    error_code: str | None = Field(default=None, sa_type=Text)
    error_message: str | None = Field(default=None, sa_type=Text)
    consent_version: str = Field(sa_type=Text)
    consent_given_at: datetime = Field(default=None, sa_column=tables.now())
    consent_withdrawn_at: datetime | None = Field(default=None, sa_column=tables.time())
    links_expire_at: datetime = Field(sa_column=tables.time(nullable=False))
    created_at: datetime = Field(default=None, sa_column=tables.now())
    updated_at: datetime = Field(default=None, sa_column=tables.now())


class OrderPhotoRow(Base, table=True):
    """A photo that the order's partner may fetch while the order is open. Goes with the photo."""

    __tablename__ = "partner_order_photos"
    __table_args__ = (Index("partner_order_photos_by_photo", "user_id", "photo_id"),)

    order_id: int = Field(sa_column=_order_id(primary_key=True))
    photo_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    user_id: int = Field(sa_type=BigInteger)
    position: int


class PartnerRequestRow(Base, table=True):
    """Something to tell a partner: sent until it is taken, refused or given up."""

    __tablename__ = "partner_requests"
    __table_args__ = (
        Index("partner_requests_waiting", "send_after", postgresql_where=text("done_at IS NULL")),
        Index("partner_requests_by_order", "order_id"),
    )

    id: int = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    order_id: int = Field(sa_column=_order_id(nullable=False))
    user_id: int = Field(sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    message_id: UUID = Field(
        sa_column=Column(Uuid, nullable=False, comment="the same with every try: the partner's key")
    )
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    send_after: datetime = Field(default=None, sa_column=tables.now())
    claimed_until: datetime | None = Field(default=None, sa_column=tables.time())
    done_at: datetime | None = Field(default=None, sa_column=tables.time())
    outcome: str | None = Field(default=None, sa_type=Text)


class PartnerFarewellRow(Base, table=True):
    """That whoever placed an order is gone, for its partner to hear: all that outlives the order, until it is told."""

    __tablename__ = "partner_farewells"
    __table_args__ = (Index("partner_farewells_waiting", "send_after"), {"info": tables.OUTLIVES_USER})

    order_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    partner: str = Field(sa_type=Text)
    created_at: datetime = Field(default=None, sa_column=tables.now())
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    send_after: datetime = Field(sa_column=tables.time(nullable=False))
    claimed_until: datetime | None = Field(default=None, sa_column=tables.time())


class PartnerCallbackRow(Base, table=True):
    """A message of a partner's that was taken, with what was answered: a repetition gets the same."""

    __tablename__ = "partner_callbacks"
    __table_args__ = (Index("partner_callbacks_by_order", "order_id"),)

    partner: str = Field(sa_column=Column(Text, primary_key=True))
    webhook_id: str = Field(sa_column=Column(Text, primary_key=True))
    order_id: int = Field(sa_column=_order_id(nullable=False))
    user_id: int = Field(sa_type=BigInteger)
    answer: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime | None = Field(default=None, sa_column=tables.now())


tables.add_to(metadata)
changes.add_to(metadata)
hidden.add_to(metadata)
ai_consents.add_to(metadata)
