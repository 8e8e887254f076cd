"""What the curation service decides about a single photo, a pair, and the user's wishes."""

from datetime import timedelta
from typing import Any

from mizzap_common import ai_consents, changes, hidden, outbox, tombstones
from mizzap_common.ai_consents import ConsentCame
from mizzap_common.contracts import catalog, curating, events, library, steps
from mizzap_common.db import Database
from mizzap_common.errors import Conflict, NotFound
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.inbox import Delivery
from mizzap_common.storage import Storage
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_curation import orders_repository, repository, sets_repository, wishes
from mizzap_curation.examine import Examination, examine
from mizzap_curation.models import ScoreRow, SetRow
from mizzap_curation.sets_repository import Patience
from mizzap_curation.settings import CurationSettings


class Curation:
    """Scores photos, remembers what decides about the moments, and answers and obeys their owner."""

    def __init__(self, database: Database, storage: Storage, pool: DecodePool, settings: CurationSettings) -> None:
        self.database = database
        self.storage = storage
        self.pool = pool
        self.patience = Patience(
            timedelta(seconds=settings.curation_quiet_seconds), timedelta(seconds=settings.curation_longest_seconds)
        )

    # --- events -----------------------------------------------------------------------------------------------------

    async def score(self, photo: events.PhotoUploaded, delivery: Delivery) -> None:
        """Raises NotFound when the original is not there though the photo was not deleted.

        Raises NotYet when nothing was heard of the user's consent, or it came while the photo was being left out.
        """
        ending = steps.ending(photo, delivery.began_at)
        outcome = await self._examine(photo) if await self._may_score(photo.user_id, delivery) else None
        async with self.database.effect(delivery) as session:
            if await tombstones.is_buried(session, photo.photo_id, photo.user_id):
                return
            consent = await ai_consents.held(session, photo.user_id)
            if consent is None:
                await self._leave_out(session, ending)
                return
            if outcome is None:
                raise ConsentCame
            if isinstance(outcome, NotFound):
                raise outcome
            if isinstance(outcome, ImageError):
                failed = events.StepFailed(**ending, code=outcome.code, message=outcome.message)
                await outbox.add(session, catalog.SCORE_FAILED, failed)
                return
            await sets_repository.mark_due(session, photo.user_id, self.patience)
            await repository.store_score(session, _score_row(photo, outcome))
            scored = events.PhotoScored(**ending, quality_score=outcome.quality.total, consent_change=consent)
            await outbox.add(session, catalog.PHOTO_SCORED, scored)

    async def _may_score(self, user_id: int, delivery: Delivery) -> bool:
        async with self.database.begin() as session:
            return await ai_consents.looked_up(session, user_id, delivery)

    async def _leave_out(self, session: AsyncSession, ending: dict[str, Any]) -> None:
        skipped = events.StepSkipped(**ending, reason="no_ai_consent")
        await ai_consents.nothing_came(session, skipped.user_id)
        await repository.leave_unscored(session, skipped.user_id, skipped.photo_id)
        await outbox.add(session, catalog.SCORE_SKIPPED, skipped)

    async def _examine(self, photo: events.PhotoUploaded) -> Examination | ImageError | NotFound:
        try:
            return await self.pool.run(examine, await self.storage.get(photo.object_key))
        except (ImageError, NotFound) as error:
            return error

    async def reconsider(self, photo: events.PhotoEvent, delivery: Delivery) -> None:
        """Something new is known of a photo: the moments are chosen anew."""
        async with self.database.effect(delivery) as session:
            await sets_repository.mark_due(session, photo.user_id, self.patience)

    async def processed(self, photo: events.PhotoProcessed, delivery: Delivery) -> None:
        await self._ended(photo, delivery, failed=False)

    async def failed(self, photo: events.PhotoFailed, delivery: Delivery) -> None:
        """A photo that failed in another step can't be shown: it is no candidate, until it is processed after all."""
        await self._ended(photo, delivery, failed=True)

    async def _ended(self, photo: events.PhotoOutcome, delivery: Delivery, failed: bool) -> None:
        async with self.database.effect(delivery) as session:
            await sets_repository.mark_due(session, photo.user_id, self.patience)
            await repository.tell_outcome(session, photo, failed)

    async def forget(self, photo: events.PhotoDeleted, delivery: Delivery) -> None:
        async with self.database.effect(delivery) as session:
            await tombstones.bury(session, photo.photo_id, photo.user_id)
            await hidden.forget(session, photo.user_id, photo.photo_id)
            await sets_repository.mark_due(session, photo.user_id, self.patience)
            await repository.forget_photo(session, photo.user_id, photo.photo_id)
            await orders_repository.forget_photo(session, photo.user_id, photo.photo_id)

    async def move(self, photo: events.PhotoTrashed, delivery: Delivery, hide: bool) -> None:
        """A photo in the trash is no candidate, and is not shown where it was chosen; its score and its owner's wishes
        stay for when it comes back."""
        async with self.database.effect(delivery) as session:
            if await hidden.tell(session, photo, hide):
                await sets_repository.mark_due(session, photo.user_id, self.patience)
                await repository.note_if_chosen(session, photo.user_id, photo.photo_id)
                await orders_repository.note_where_ordered(session, photo.user_id, photo.photo_id)

    async def pair_told(
        self, pair: events.DuplicatePair, delivery: Delivery, change: int | None = None, **said: bool
    ) -> None:
        async with self.database.effect(delivery) as session:
            await sets_repository.mark_due(session, pair.user_id, self.patience)
            await repository.tell_pair(session, pair, change, **said)

    # --- requests ---------------------------------------------------------------------------------------------------

    async def present(self, request: library.UserRequest) -> curating.CuratedSet:
        async with self.database.begin() as session:
            return await to_answer(session, await sets_repository.find_set(session, request.user_id))

    async def confirm(self, request: library.UserRequest) -> curating.CuratedSet:
        """The set stays as it is from here on, until its owner changes it. Raises Conflict while it is empty."""
        async with self.database.begin() as session:
            row = await sets_repository.find_set(session, request.user_id, lock=True)
            shown = await sets_repository.moments(session, row.id) if row else []
            if row is None or not shown:
                raise Conflict("There are no moments to confirm yet.", code="NOTHING_TO_CONFIRM")
            await repository.wish(session, request.user_id, [m.photo_id for m in shown], repository.PINNED)
            await sets_repository.confirm(session, row.id)
            changes.note(session, request.user_id, repository.KIND, row.id)
            await session.refresh(row)
            return await to_answer(session, row)

    async def change(self, request: curating.ChangeMoments) -> curating.CuratedSet:
        """Takes effect at once; seats that become free are filled when the moments are chosen anew, soon after.

        Raises NotFound for photos that are not this user's, InvalidInput for contradictions, Conflict when more
        photos would be pinned than a set holds.
        """
        named = wishes.check(request)
        async with self.database.begin() as session:
            row = await sets_repository.mark_due(session, request.user_id, self.patience, edit=True)
            scored = await repository.qualities(session, request.user_id, named)
            if named - scored.keys():
                raise NotFound("There is no such photo.")
            shown = await sets_repository.moments(session, row.id)
            shown = wishes.edit(shown, request, scored)
            await repository.wish(session, request.user_id, request.add, repository.PINNED)
            await repository.wish(session, request.user_id, request.remove, repository.REMOVED)
            if request.order is not None:
                await repository.arrange(session, request.user_id, request.order)
            await sets_repository.replace_moments(session, row.id, shown)
            await sets_repository.reopen(session, row.id)
            changes.note(session, request.user_id, repository.KIND, row.id)
            await session.refresh(row)
            return await to_answer(session, row)


def _score_row(photo: events.PhotoUploaded, found: Examination) -> ScoreRow:
    components: dict[str, Any] = found.quality.components()
    return ScoreRow(
        photo_id=photo.photo_id,
        user_id=photo.user_id,
        taken_at=found.taken_at,
        quality=found.quality.total,
        screenshot=found.screenshot,
        **components,
    )


async def to_answer(session: AsyncSession, row: SetRow | None) -> curating.CuratedSet:
    if row is None:
        return curating.CuratedSet(id=None, status="suggested", moments=[], photos=0, up_to_date=True, updated_at=None)
    return curating.CuratedSet(
        id=row.id,
        status="confirmed" if row.status == sets_repository.CONFIRMED else "suggested",
        moments=await sets_repository.moments(session, row.id),
        photos=row.photos,
        up_to_date=row.made == row.wanted,
        updated_at=row.updated_at,
    )
