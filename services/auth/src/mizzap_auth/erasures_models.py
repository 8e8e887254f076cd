"""The tables of erasures: who asked for one and which service has done its part. Ids and times, nothing else."""

from datetime import datetime
from typing import Any

from mizzap_common.tables import OUTLIVES_USER
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, Text, text
from sqlmodel import Field

from mizzap_auth.models import Base


def _time(nullable: bool = False) -> Column[Any]:
    return Column(DateTime(timezone=True), nullable=nullable)


class ErasureRow(Base, table=True):
    """The erasure of one user. It stays: the ledger's copy within the database."""

    __tablename__ = "erasures"
    __table_args__ = (
        Index("erasures_open", "requested_at", postgresql_where=text("completed_at IS NULL")),
        {"info": OUTLIVES_USER},
    )

    user_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    erasure_id: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    requested_at: datetime = Field(sa_column=_time())
    opened_at: datetime = Field(sa_column=_time())
    """When it began, or began again as a backup had brought the user back."""
    asked: int = 1
    """How often the services were asked."""
    asked_at: datetime = Field(sa_column=_time())
    final_from: int | None = None
    """The first asking after which the user can't have made anything new: only receipts from it on count."""
    entered_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    """When the ledger got its entry."""
    completed_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class ReceiptRow(Base, table=True):
    """A service's word that it has nothing of the user any more, for the latest asking that it answered."""

    __tablename__ = "erasure_receipts"

    user_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("erasures.user_id", ondelete="CASCADE"), primary_key=True)
    )
    service: str = Field(sa_column=Column(Text, primary_key=True))
    asked: int
    rows: int = Field(sa_type=BigInteger)
    objects: int = Field(sa_type=BigInteger)
    received_at: datetime = Field(sa_column=_time())

    __table_args__ = ({"info": OUTLIVES_USER},)
