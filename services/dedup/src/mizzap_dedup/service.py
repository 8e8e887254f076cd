"""What the dedup service decides: when a photo is fingerprinted, what a deletion takes along, and what is answered."""

import base64
from dataclasses import replace

import numpy as np
from mizzap_common import ai_consents, changes, hidden, outbox, tombstones
from mizzap_common.ai_consents import ConsentCame
from mizzap_common.contracts import catalog, duplicating, events, library, steps
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.inbox import AlreadyHandled, Delivery
from mizzap_common.storage import Storage
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_dedup import lists_repository, repository, rows
from mizzap_dedup.examine import Examination, examine
from mizzap_dedup.lanes import Match
from mizzap_dedup.models import DuplicateRow, FingerprintRow
from mizzap_dedup.regroup import regroup, withdraw_all
from mizzap_dedup.search import Search
from mizzap_dedup.vectors import Collections, Vectors

_UNITS = ("B", "kB", "MB", "GB", "TB")


class Dedup:
    """``vectors`` and ``model`` are empty without an embedding model; then the similar lane sleeps."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        pool: DecodePool,
        search: Search,
        collections: Collections,
        vectors: Vectors | None,
        model: duplicating.Model,
    ) -> None:
        self.database = database
        self.storage = storage
        self.pool = pool
        self.search = search
        self.collections = collections
        self.vectors = vectors
        self.model = model

    # --- hearing ------------------------------------------------------------------------------------------------

    async def fingerprint(self, photo: events.PhotoUploaded, delivery: Delivery) -> None:
        """Raises NotFound when the original is not there though the photo was not deleted.

        Raises NotYet when nothing was heard of the user's consent, or it came while the photo was examined without.
        """
        embed = await self._may_embed(photo.user_id, delivery)
        try:
            found = await self.pool.run(examine, await self.storage.get(photo.object_key), embed)
        except ImageError as error:
            await self._fail(photo, delivery, error)
            return
        except NotFound:
            if not await self._is_buried(photo):
                raise
            await self._settle(photo, delivery, None, {})
            return
        mine = await self._store(photo, found)
        found = await self._embed(photo, found)
        matches = await self.search.matches(mine, found) if mine is not None else {}
        await self._settle(photo, delivery, found, matches)

    async def _store(self, photo: events.PhotoUploaded, found: Examination) -> FingerprintRow | None:
        """Makes the photo findable for those that arrive at the same time; None when it was deleted meanwhile."""
        async with self.database.begin() as session:
            if await tombstones.is_buried(session, photo.photo_id, photo.user_id):
                return None
            values = rows.fingerprint_values(photo, found.fingerprint, found.metadata)
            await repository.store_fingerprint(session, values)
            (mine,) = await repository.fingerprints(session, photo.user_id, [photo.photo_id])
        return mine

    async def _may_embed(self, user_id: int, delivery: Delivery) -> bool:
        if self.vectors is None:
            return False
        async with self.database.begin() as session:
            return await ai_consents.looked_up(session, user_id, delivery)

    async def _embed(self, photo: events.PhotoUploaded, found: Examination) -> Examination:
        """Puts the vector where it is found, while the consent is held: after a withdrawal there is never one."""
        if self.vectors is None or found.vector is None:
            return found
        async with self.database.begin() as session:
            if await ai_consents.held(session, photo.user_id) is None:
                return replace(found, vector=None)
            await self.vectors.put(photo.user_id, photo.photo_id, found.vector.tolist())
        return found

    async def _settle(
        self,
        photo: events.PhotoUploaded,
        delivery: Delivery,
        found: Examination | None,
        matches: dict[int, Match],
    ) -> None:
        try:
            async with self.database.effect(delivery) as session:
                if await tombstones.is_buried(session, photo.photo_id, photo.user_id):
                    await self._take_back(photo)
                elif found is not None:
                    await self._record(session, photo, delivery, found, matches)
        except AlreadyHandled:
            # another worker was quicker, and the photo may be gone since: our vector would stay for ever
            if await self._is_buried(photo):
                await self._take_back(photo)
            raise

    async def _record(
        self,
        session: AsyncSession,
        photo: events.PhotoUploaded,
        delivery: Delivery,
        found: Examination,
        matches: dict[int, Match],
    ) -> None:
        consent = await ai_consents.held(session, photo.user_id)
        if consent is not None and self.vectors is not None and found.vector is None:
            raise ConsentCame
        if consent is None:
            await ai_consents.nothing_came(session, photo.user_id)
            found = replace(found, vector=None)
            matches = {other: match for other, match in matches.items() if match.lane != "similar"}
        await repository.lock_groups(session, photo.user_id)
        alive = {row.photo_id for row in await repository.fingerprints(session, photo.user_id, matches)}
        made = [
            rows.match_values(photo.user_id, photo.photo_id, other, match)
            for other, match in sorted(matches.items())
            if other in alive
        ]
        await repository.store_matches(session, made)
        await regroup(session, photo.user_id, [photo.photo_id])
        ending = steps.ending(photo, delivery.began_at)
        hashed = events.PhotoFingerprinted(**ending, perceptual_hash=found.fingerprint.perceptual_hash)
        await outbox.add(session, catalog.PHOTO_FINGERPRINTED, hashed)
        if found.vector is not None and self.model.id and self.model.dimensions:
            await repository.mark_embedded(session, photo.user_id, photo.photo_id)
            about = {"photo_id": photo.photo_id, "user_id": photo.user_id}
            embedded = events.PhotoEmbedded(**about, model_id=self.model.id, dimensions=self.model.dimensions)
            await outbox.add(session, catalog.PHOTO_EMBEDDED, embedded)

    async def _fail(self, photo: events.PhotoUploaded, delivery: Delivery, error: ImageError) -> None:
        ending = steps.ending(photo, delivery.began_at)
        failed = events.StepFailed(**ending, code=error.code, message=error.message)
        async with self.database.effect(delivery) as session:
            if not await tombstones.is_buried(session, photo.photo_id, photo.user_id):
                await outbox.add(session, catalog.FINGERPRINT_FAILED, failed)

    async def hide(self, photo: events.PhotoTrashed, delivery: Delivery) -> None:
        """The photo stands in no group any more. What is known of it stays, and what comes while it is in the trash is
        compared with it: once it is restored its groups are as if it had never been away."""
        await self._move(photo, delivery, hide=True)

    async def show(self, photo: events.PhotoRestored, delivery: Delivery) -> None:
        await self._move(photo, delivery, hide=False)

    async def _move(self, photo: events.PhotoTrashed, delivery: Delivery, hide: bool) -> None:
        async with self.database.effect(delivery) as session:
            if await hidden.tell(session, photo, hide):
                await repository.lock_groups(session, photo.user_id)
                matches = await repository.matches_of(session, photo.user_id, [photo.photo_id])
                ends = {photo_id for row in matches for photo_id in (row.left_id, row.right_id)}
                await regroup(session, photo.user_id, {photo.photo_id, *ends})
                # regrouping takes pending pairs away; those that were decided about stay, and are not shown
                kept = await repository.pairs_about(session, photo.user_id, [photo.photo_id])
                ids = [row.id for row in kept if row.id is not None]
                changes.note(session, photo.user_id, repository.KIND, *ids, deleted=hide)

    async def forget(self, photo: events.PhotoDeleted, delivery: Delivery) -> None:
        """The tombstone first: from then on workers take their own work back, so nothing new can appear."""
        async with self.database.begin() as session:
            await tombstones.bury(session, photo.photo_id, photo.user_id)
            await repository.lock_groups(session, photo.user_id)
            partners = await withdraw_all(session, photo.user_id, photo.photo_id)
            await repository.forget(session, photo.user_id, photo.photo_id)
            await hidden.forget(session, photo.user_id, photo.photo_id)
            await regroup(session, photo.user_id, partners)
        await self._take_back(photo)
        async with self.database.effect(delivery):
            pass

    async def _take_back(self, photo: events.PhotoEvent) -> None:
        await self.collections.remove(photo.user_id, photo.photo_id)

    async def _is_buried(self, photo: events.PhotoEvent) -> bool:
        async with self.database.begin() as session:
            return await tombstones.is_buried(session, photo.photo_id, photo.user_id)

    # --- answering ----------------------------------------------------------------------------------------------

    async def list(self, request: duplicating.ListDuplicates) -> duplicating.DuplicatePage:
        async with self.database.begin() as session:
            found, total = await lists_repository.page(session, request)
        return duplicating.DuplicatePage(duplicates=[to_answer(row) for row in found], total=total)

    async def groups(self, request: duplicating.ListGroups) -> duplicating.GroupPage:
        async with self.database.begin() as session:
            found, total, more = await lists_repository.group_page(session, request)
        return duplicating.GroupPage(groups=[_group(group) for group in found], total=total, more=more)

    async def stats(self, request: library.UserRequest) -> duplicating.DuplicateStats:
        async with self.database.begin() as session:
            duplicates, freed, photos = await lists_repository.stats(session, request.user_id)
        return duplicating.DuplicateStats(
            total_duplicates=duplicates,
            space_to_free=human_size(freed),
            space_to_free_bytes=freed,
            duplicate_percentage=round(100 * duplicates / photos, 1) if photos else 0.0,
        )

    async def embeddings(self, request: duplicating.EmbeddingsRequest) -> duplicating.Embeddings:
        found = await self.vectors.get(request.user_id, request.photo_ids) if self.vectors else {}
        made = [duplicating.Embedding(photo_id=photo_id, vector=_encoded(vector)) for photo_id, vector in found.items()]
        return duplicating.Embeddings(model=self.model, embeddings=made)

    async def model_in_use(self, _: duplicating.ModelRequest) -> duplicating.Model:
        return self.model


def _encoded(vector: list[float]) -> str:
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()


def to_answer(row: DuplicateRow) -> duplicating.Duplicate:
    return duplicating.Duplicate.model_validate(row, from_attributes=True)


def _group(group: lists_repository.Group) -> duplicating.Group:
    pairs = group.pairs
    return duplicating.Group(
        lane=group.lane,
        keeper=pairs[0].primary_photo_id,
        members=[pairs[0].primary_photo_id, *(pair.duplicate_photo_id for pair in pairs)],
        member_count=1 + group.size,
        # each sentence once, in the order of the members
        reasons=list(dict.fromkeys(reason for pair in pairs for reason in pair.reasons)),
        duplicate_ids=[pair.id for pair in pairs if pair.id is not None],
    )


def human_size(size: int) -> str:
    """Decimal units with one digit, as the specification writes them: 15.2 GB."""
    amount, unit = float(size), _UNITS[0]
    for unit in _UNITS:
        if amount < 1000 or unit == _UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
