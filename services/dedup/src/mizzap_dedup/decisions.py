"""What a user's word about pairs does, one by one or many at once, and the way back. Nothing is deleted by it."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID, uuid4

from mizzap_common import outbox
from mizzap_common.contracts import catalog, duplicating, events
from mizzap_common.contracts.events import DuplicateAction
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, InvalidInput, NotFound
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_dedup import decisions_repository, lists_repository, repository
from mizzap_dedup.models import ActionRow, DuplicateRow
from mizzap_dedup.regroup import regroup
from mizzap_dedup.repository import Pair
from mizzap_dedup.service import to_answer

_SHOWN = 500
"""Pairs that are named. A group has any number of them, and an answer that is too large would fail when all is done."""


class Decisions:
    """Remembers for good what the user says of a pair: it is never asked again. Each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def act(self, request: duplicating.ActOnDuplicate) -> duplicating.Duplicate:
        async with self.database.begin() as session:
            await repository.lock_groups(session, request.user_id)
            (row,) = await _pairs(session, request.user_id, [request.duplicate_id])
            await _decide(session, request.user_id, uuid4(), [row], request.action)
            return await _told(session, request.user_id, row)

    async def act_on_many(self, request: duplicating.ActOnDuplicates) -> duplicating.BulkOutcome:
        """Raises NotFound with the ids that are not this user's, and then nothing is changed."""
        async with self.database.begin() as session:
            await repository.lock_groups(session, request.user_id)
            found = await _asked_for(session, request)
            bulk = uuid4()
            results = await _decide(session, request.user_id, bulk, found, request.action)
            await regroup(session, request.user_id, _photos(found))
        return _outcome(bulk, results)

    async def undo(self, request: duplicating.DuplicateRequest) -> duplicating.Duplicate:
        """Takes the last word about the pair back. Raises Conflict when there was none."""
        async with self.database.begin() as session:
            await repository.lock_groups(session, request.user_id)
            (row,) = await _pairs(session, request.user_id, [request.duplicate_id])
            last = (await decisions_repository.latest(session, request.user_id, [_key(row)])).get(_key(row))
            if last is None:
                raise Conflict("There is nothing to undo about this pair.", code="NOTHING_TO_UNDO")
            await _take_back(session, request.user_id, [(row, last)])
            return await _told(session, request.user_id, row)

    async def undo_bulk(self, request: duplicating.UndoBulkAction) -> duplicating.BulkOutcome:
        """Takes back all that was said at once, pairs of photos deleted since left out.

        Raises Conflict, changing nothing, when something else was said of one of the pairs since.
        """
        async with self.database.begin() as session:
            await repository.lock_groups(session, request.user_id)
            steps = await decisions_repository.of_bulk(session, request.user_id, request.bulk_action_id)
            if not steps:
                raise NotFound("There is no such action, or it was undone.")
            pairs = {(step.left_id, step.right_id): step for step in steps}
            rows = {
                _key(row): row
                for row in await repository.pairs_about(
                    session, request.user_id, {one for pair in pairs for one in pair}
                )
            }
            latest = await decisions_repository.latest(session, request.user_id, list(pairs))
            changed = [
                cast(int, rows[pair].id)
                for pair, step in pairs.items()
                if pair in rows and (step.pruned or latest[pair].seq != step.seq)
            ]
            if changed:
                raise Conflict(
                    "Something else was said of some of these pairs since.",
                    code="CHANGED_SINCE",
                    ids=sorted(changed)[:_SHOWN],
                )
            back = [(rows[pair], step) for pair, step in pairs.items() if pair in rows]
            results = await _take_back(session, request.user_id, back)
            await regroup(session, request.user_id, {one for pair in pairs for one in pair})
        return _outcome(request.bulk_action_id, results)


def _outcome(bulk: UUID, results: Sequence[duplicating.ActionResult]) -> duplicating.BulkOutcome:
    return duplicating.BulkOutcome(
        bulk_action_id=bulk,
        results=list(results[:_SHOWN]),
        count=len(results),
        changed=sum(result.changed for result in results),
    )


async def _asked_for(session: AsyncSession, request: duplicating.ActOnDuplicates) -> Sequence[DuplicateRow]:
    if (request.ids is None) == (request.group_keeper is None):
        raise InvalidInput("Name either the pairs by ids or a group by groupKeeper.", field="ids")
    if request.ids is not None:
        return await _pairs(session, request.user_id, list(dict.fromkeys(request.ids)))
    assert request.group_keeper is not None
    keeper = request.group_keeper
    found = await lists_repository.group_pairs(session, request.user_id, keeper.photo_id, keeper.similar)
    if not found:
        raise NotFound("There is no such group.", photoId=keeper.photo_id)
    return found


async def _pairs(session: AsyncSession, user_id: int, ids: Sequence[int]) -> list[DuplicateRow]:
    """In the order asked for."""
    found = {row.id: row for row in await repository.pairs_by_id(session, user_id, ids)}
    missing = [duplicate_id for duplicate_id in ids if duplicate_id not in found]
    if missing:
        raise NotFound("There is no such duplicate.", ids=missing)
    return [found[duplicate_id] for duplicate_id in ids]


async def _decide(
    session: AsyncSession, user_id: int, bulk: UUID, rows: Sequence[DuplicateRow], action: DuplicateAction
) -> list[duplicating.ActionResult]:
    steps = [
        {"left_id": _key(row)[0], "right_id": _key(row)[1], "before": row.action, "after": action}
        for row in rows
        if row.action != action
    ]
    await decisions_repository.remember(session, user_id, bulk, steps)
    return await _say(session, user_id, rows, action)


async def _take_back(
    session: AsyncSession, user_id: int, steps: Sequence[tuple[DuplicateRow, ActionRow]]
) -> list[duplicating.ActionResult]:
    await decisions_repository.forget_steps(session, user_id, [step for _, step in steps])
    results: list[duplicating.ActionResult] = []
    for before in sorted({step.before for _, step in steps}):
        rows = [row for row, step in steps if step.before == before]
        results += await _say(session, user_id, rows, cast(DuplicateAction, before))
    return results


async def _say(
    session: AsyncSession, user_id: int, rows: Sequence[DuplicateRow], action: DuplicateAction
) -> list[duplicating.ActionResult]:
    results = [
        duplicating.ActionResult(
            id=cast(int, row.id),
            before=cast(DuplicateAction, row.action),
            action=action,
            changed=row.action != action,
        )
        for row in rows
    ]
    changed = [row for row, result in zip(rows, results, strict=True) if result.changed]
    if not changed:
        return results
    await repository.decide(session, user_id, [_key(row) for row in changed], action)
    words = await repository.mark(session, user_id, [cast(int, row.id) for row in changed], action)
    for row in changed:
        resolved = events.DuplicateResolved(
            duplicate_id=cast(int, row.id),
            user_id=user_id,
            primary_photo_id=row.primary_photo_id,
            duplicate_photo_id=row.duplicate_photo_id,
            action=action,
            change=words[cast(int, row.id)],
        )
        await outbox.add(session, catalog.DUPLICATE_RESOLVED, resolved)
    return results


async def _told(session: AsyncSession, user_id: int, row: DuplicateRow) -> duplicating.Duplicate:
    """The pair as it was said to be: making the groups anew may take a pending one away."""
    await session.refresh(row)
    answer = to_answer(row)
    await regroup(session, user_id, _key(row))
    return answer


def _photos(rows: Sequence[DuplicateRow]) -> set[int]:
    return {photo_id for row in rows for photo_id in _key(row)}


def _key(row: DuplicateRow) -> Pair:
    left, right = sorted((row.primary_photo_id, row.duplicate_photo_id))
    return left, right
