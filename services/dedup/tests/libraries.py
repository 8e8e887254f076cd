"""A library as dedup knows it, made without pictures: to decide about pairs none are needed."""

import itertools
from collections.abc import Sequence
from uuid import UUID, uuid4

from mizzap_common.contracts import duplicating, events, feed
from mizzap_common.db import Database
from mizzap_common.inbox import Delivery
from mizzap_common.tables import OUTBOX
from mizzap_dedup import lists_repository, repository, rows
from mizzap_dedup.decisions import Decisions
from mizzap_dedup.feed import Feed
from mizzap_dedup.fingerprint import VERSION
from mizzap_dedup.models import DuplicateRow
from mizzap_dedup.regroup import regroup, withdraw_all
from mizzap_dedup.service import Dedup
from sqlalchemy import func, select

_numbers = itertools.count(1)


class Library:
    """One user's photos and what is known of them; no pictures are needed to decide about pairs."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.user = next(_numbers)
        self.decisions = Decisions(database)
        self.feed = Feed(database)

    async def copies(self, count: int, lane: str = "near") -> list[int]:
        """Photos of which the first is the keeper of all others."""
        photos = [next(_numbers) for _ in range(count)]
        async with self.database.begin() as session:
            for photo_id in photos:
                await repository.store_fingerprint(session, fingerprint(self.user, photo_id, keeper=photos[0]))
            matches = [
                {
                    "left_id": photos[0],
                    "right_id": other,
                    "user_id": self.user,
                    "lane": lane,
                    "score": 1.0,
                    "reasons": ["."],
                }
                for other in photos[1:]
            ]
            await repository.store_matches(session, matches)
            await regroup(session, self.user, photos)
        return photos

    async def delete(self, photo_id: int) -> None:
        async with self.database.begin() as session:
            await withdraw_all(session, self.user, photo_id)
            await repository.forget(session, self.user, photo_id)

    async def move(self, photo_id: int, version: int, hide: bool) -> None:
        """Into the trash, or out of it."""
        dedup = Dedup(self.database, *[None] * 6)  # type: ignore[arg-type]
        moved = events.PhotoTrashed(photo_id=photo_id, user_id=self.user, version=version)
        await dedup._move(moved, Delivery("tests", uuid4(), 1, False), hide)

    async def pairs(self) -> dict[int, str]:
        async with self.database.begin() as session:
            found, _ = await lists_repository.page(session, duplicating.ListDuplicates(user_id=self.user, limit=100))
        return {row.id or 0: row.action for row in found}

    async def groups(self, **asked: str) -> list[Sequence[DuplicateRow]]:
        async with self.database.begin() as session:
            found, total, _ = await lists_repository.group_page(
                session, duplicating.ListGroups(user_id=self.user, **asked)
            )
        assert total == len(found)
        return [group.pairs for group in found]

    async def act(self, duplicate_id: int, action: str) -> str:
        request = duplicating.ActOnDuplicate(user_id=self.user, duplicate_id=duplicate_id, action=action)
        return (await self.decisions.act(request)).action

    async def bulk(
        self, action: str, ids: list[int] | None = None, keeper: int | None = None
    ) -> duplicating.BulkOutcome:
        group = None if keeper is None else duplicating.GroupKeeper(photo_id=keeper)
        request = duplicating.ActOnDuplicates(user_id=self.user, ids=ids, group_keeper=group, action=action)
        return await self.decisions.act_on_many(request)

    async def undo(self, duplicate_id: int) -> str:
        request = duplicating.DuplicateRequest(user_id=self.user, duplicate_id=duplicate_id)
        return (await self.decisions.undo(request)).action

    async def undo_bulk(self, bulk: UUID) -> duplicating.BulkOutcome:
        return await self.decisions.undo_bulk(duplicating.UndoBulkAction(user_id=self.user, bulk_action_id=bulk))

    async def changes(self, after: int = 0, limit: int = 200) -> feed.ChangesPage:
        return await self.feed.changes(feed.ChangesRequest(user_id=self.user, after=after, limit=limit))

    async def told(self) -> int:
        """How many words of this user's were published."""
        about = [f"duplicate/{duplicate_id}" for duplicate_id in await self.pairs()]
        resolved = select(func.count()).where(OUTBOX.c.subject == "duplicate.resolved", OUTBOX.c.about.in_(about))
        async with self.database.begin() as session:
            return (await session.execute(resolved)).scalar_one()

    async def words(self, duplicate_id: int) -> list[tuple[str, int]]:
        """What was published about a pair, in the words' own order."""
        mine = (OUTBOX.c.subject == "duplicate.resolved", OUTBOX.c.about == f"duplicate/{duplicate_id}")
        async with self.database.begin() as session:
            told = (await session.scalars(select(OUTBOX.c.payload).where(*mine).order_by(OUTBOX.c.seq))).all()
        words = [events.DuplicateResolved.model_validate_json(payload) for payload in told]
        return [(word.action, word.change) for word in words]


def fingerprint(user_id: int, photo_id: int, keeper: int) -> dict[str, object]:
    return {
        "photo_id": photo_id, "user_id": user_id, "object_key": "k", "sha256": f"{photo_id:064x}",
        "mime_type": "image/jpeg", "size_bytes": 9_000 if photo_id == keeper else 1_000, "width": 40, "height": 30,
        "version": VERSION, "pixel_hash": f"{keeper:064x}", "pdq": rows.bits(0), "turns": bytes(256), "pdq_quality": 100,
        "phash": "0" * 16,
    }  # fmt: skip
