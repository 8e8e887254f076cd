"""The change feed: what became of a user's things, in the order in which it was committed, for ever resumable.

A service that owns such things has these tables beside its own. ``note`` what changed anywhere in a transaction;
`Database.begin` writes it down at the transaction's end. One row a thing: the feed is never longer than what the
user has and had.

A backup that is restored takes the feed back to what it was: what comes then has numbers that readers have heard of
already. So a position counts in its epoch only, and `restored` begins another (`restoring.py`).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    case,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_common.contracts import feed
from mizzap_common.contracts.message import Message
from mizzap_common.cursors import InvalidCursor
from mizzap_common.sizes import ANSWER_BYTES, fitting

_metadata = MetaData()

CHANGES = Table(
    "changes",
    _metadata,
    Column("user_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("thing_id", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False, comment="when it last changed, counted per user"),
    Column("created_seq", BigInteger, nullable=False, comment="when it was first seen"),
    Column("deleted", Boolean, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("user_id", "kind", "thing_id"),
    Index("changes_in_order", "user_id", "seq"),
)

CHANGE_HEADS = Table(
    "change_heads",
    _metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)

CHANGE_EPOCH = Table(
    "change_epoch",
    _metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    Column("epoch", BigInteger, nullable=False, comment="at random; without a row it is 0, the first"),
)

# PostgreSQL takes 65,535 values a statement; a withdrawn consent changes all of a user's photos
_ROWS_AT_ONCE = 5_000

Kind = Literal["created", "changed", "deleted"]


@dataclass(frozen=True)
class Changed:
    """One thing that is not as it was at the cursor."""

    seq: int
    kind: str
    thing_id: int
    change: Kind
    at: datetime


@dataclass(frozen=True)
class Found:
    """What is not as it was at the cursor, the oldest change first."""

    changes: Sequence[Changed]
    """One more than asked for, if there are more."""
    epoch: feed.Epoch


def add_to(service_metadata: MetaData) -> None:
    """Makes the tables part of a service's own metadata."""
    for table in _metadata.sorted_tables:
        table.to_metadata(service_metadata)


def note(session: AsyncSession, user_id: int, kind: str, *thing_ids: int, deleted: bool = False) -> None:
    """Has these things in the user's feed when the transaction commits. The last word about a thing counts.

    Written at the end and in the users' order: the head's lock, which makes the order of the feed the order of the
    commits, is then the last that a transaction takes, and nobody waits in a circle.
    """
    touch(session, user_id)
    noted: dict[tuple[int, str, int], bool] = session.info.setdefault("changes", {})
    for thing_id in thing_ids:
        noted[user_id, kind, thing_id] = deleted


def touch(session: AsyncSession, user_id: int) -> None:
    """Has everybody forget what they remember of this service's answers about the user, when the transaction commits.

    ``note`` does it too; what is in no feed, as renditions, or goes with its feed, as an erased user's, says it so.
    """
    session.info.setdefault("touched", set()).add(user_id)


async def write(session: AsyncSession) -> None:
    """Called by `Database.begin` before it commits."""
    noted: dict[tuple[int, str, int], bool] = session.info.pop("changes", {})
    for user_id in sorted({user_id for user_id, _, _ in noted}):
        mine = [(kind, thing, deleted) for (owner, kind, thing), deleted in noted.items() if owner == user_id]
        last = await _advance(session, user_id, len(mine))
        rows = [
            {"user_id": user_id, "kind": kind, "thing_id": thing, "seq": seq, "created_seq": seq, "deleted": deleted}
            for seq, (kind, thing, deleted) in enumerate(mine, last - len(mine) + 1)
        ]
        for begin in range(0, len(rows), _ROWS_AT_ONCE):
            await _put(session, rows[begin : begin + _ROWS_AT_ONCE])


async def _put(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    statement = insert(CHANGES).values(rows)
    again = {
        "seq": statement.excluded.seq,
        # what comes back from the trash is new to whoever heard that it was gone
        "created_seq": case((CHANGES.c.deleted, statement.excluded.seq), else_=CHANGES.c.created_seq),
        "deleted": statement.excluded.deleted,
        "at": func.now(),
    }
    await session.execute(statement.on_conflict_do_update(index_elements=["user_id", "kind", "thing_id"], set_=again))


async def _advance(session: AsyncSession, user_id: int, count: int) -> int:
    """The user's new head. Nobody else of this user's commits a change until this transaction ends."""
    statement = (
        insert(CHANGE_HEADS)
        .values(user_id=user_id, seq=count)
        .on_conflict_do_update(index_elements=["user_id"], set_={"seq": CHANGE_HEADS.c.seq + count})
        .returning(CHANGE_HEADS.c.seq)
    )
    return int((await session.execute(statement)).scalar_one())


async def begin_epoch(session: AsyncSession) -> None:
    """No position that was ever given is good for anything any more, except the beginning."""
    begun = {"epoch": 1 + secrets.randbelow(2**62)}
    statement = insert(CHANGE_EPOCH).values(id=1, **begun)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=begun))


async def since(session: AsyncSession, request: feed.ChangesRequest) -> Found:
    """Raises InvalidCursor for a position of another epoch, or of a future that a restored backup knows nothing of."""
    user_id, after = request.user_id, request.after
    epoch, head = await _epoch_and_head(session, user_id)
    # who has heard nothing yet can't have missed anything
    if after and (request.epoch != epoch or after > head):
        raise InvalidCursor(
            "The server was restored from a backup, and this cursor is of the time before."
            " Please begin again without it; what you are not told of then is not there any more."
        )
    mine = (CHANGES.c.user_id == user_id, CHANGES.c.seq > after)
    rows = await session.execute(select(CHANGES).where(*mine).order_by(CHANGES.c.seq).limit(request.limit + 1))
    changes = [
        Changed(row.seq, row.kind, row.thing_id, _change(row.deleted, row.created_seq > after), row.at) for row in rows
    ]
    return Found(changes, epoch)


async def _epoch_and_head(session: AsyncSession, user_id: int) -> tuple[feed.Epoch, feed.Position]:
    epoch = select(CHANGE_EPOCH.c.epoch).scalar_subquery()
    head = select(CHANGE_HEADS.c.seq).where(CHANGE_HEADS.c.user_id == user_id).scalar_subquery()
    row = (await session.execute(select(func.coalesce(epoch, literal(0)), func.coalesce(head, literal(0))))).one()
    return row[0], row[1]


def page(request: feed.ChangesRequest, found: Found, seen: Mapping[tuple[str, int], Message]) -> feed.ChangesPage:
    """As many of the changes as fit into one answer. ``seen`` are the things that are there, by kind and id, as their
    owner sees them."""
    things = (
        (changed, seen.get((changed.kind, changed.thing_id)) if changed.change != "deleted" else None)
        for changed in found.changes[: request.limit]
    )
    told = [
        feed.Change(
            seq=changed.seq,
            kind=changed.kind,
            id=changed.thing_id,
            change=changed.change,
            at=changed.at,
            data=thing.model_dump(mode="json", by_alias=True) if thing else None,
        )
        for changed, thing in fitting(things, lambda pair: len(pair[1].to_json()) if pair[1] else 0, ANSWER_BYTES)
    ]
    return feed.ChangesPage(
        changes=told,
        last=told[-1].seq if told else request.after,
        epoch=found.epoch,
        more=len(told) < len(found.changes),
    )


def _change(deleted: bool, new: bool) -> Kind:
    if deleted:
        return "deleted"
    return "created" if new else "changed"
