"""What the dedup service decides: when a photo is fingerprinted, what a deletion takes along, what a user's word does."""

import base64
from typing import cast

import numpy as np
from mizzap_common import outbox, tombstones
from mizzap_common.contracts import catalog, duplicating, events, library
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.inbox import AlreadyHandled, Delivery
from mizzap_common.storage import Storage
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_dedup import repository, rows
from mizzap_dedup.examine import Examination, examine
from mizzap_dedup.lanes import STRENGTH, Lane, Match
from mizzap_dedup.models import DuplicateRow, FingerprintRow
from mizzap_dedup.regroup import regroup, withdraw_all
from mizzap_dedup.search import Search
from mizzap_dedup.vectors import Vectors

_UNITS = ("B", "kB", "MB", "GB", "TB")


class Dedup:
    """``vectors`` and ``model`` are empty without an embedding model; then the similar lane sleeps."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        pool: DecodePool,
        search: Search,
        vectors: Vectors | None,
        model: duplicating.Model,
    ) -> None:
        self.database = database
        self.storage = storage
        self.pool = pool
        self.search = search
        self.vectors = vectors
        self.model = model

    # --- hearing ------------------------------------------------------------------------------------------------

    async def fingerprint(self, photo: events.PhotoUploaded, delivery: Delivery) -> None:
        """Raises NotFound when the original is not there though the photo was not deleted."""
        try:
            found = await self.pool.run(examine, await self.storage.get(photo.object_key))
        except ImageError as error:
            await self._fail(photo, delivery, error)
            return
        except NotFound:
            if not await self._is_buried(photo):
                raise
            await self._settle(photo, delivery, None, {})
            return
        mine = await self._store(photo, found)
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
        if self.vectors is not None and found.vector is not None:
            await self.vectors.put(photo.user_id, photo.photo_id, found.vector.tolist())
        return mine

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
                    await self._record(session, photo, found, matches)
        except AlreadyHandled:
            # another worker was quicker, and the photo may be gone since: our vector would stay for ever
            if await self._is_buried(photo):
                await self._take_back(photo)
            raise

    async def _record(
        self, session: AsyncSession, photo: events.PhotoUploaded, found: Examination, matches: dict[int, Match]
    ) -> None:
        await repository.lock_groups(session, photo.user_id)
        alive = {row.photo_id for row in await repository.fingerprints(session, photo.user_id, matches)}
        made = [
            rows.match_values(photo.user_id, photo.photo_id, other, match)
            for other, match in sorted(matches.items())
            if other in alive
        ]
        await repository.store_matches(session, made)
        await regroup(session, photo.user_id, [photo.photo_id])
        about = {"photo_id": photo.photo_id, "user_id": photo.user_id}
        hashed = events.PhotoFingerprinted(**about, perceptual_hash=found.fingerprint.perceptual_hash)
        await outbox.add(session, catalog.PHOTO_FINGERPRINTED, hashed)
        if found.vector is not None and self.model.id and self.model.dimensions:
            embedded = events.PhotoEmbedded(**about, model_id=self.model.id, dimensions=self.model.dimensions)
            await outbox.add(session, catalog.PHOTO_EMBEDDED, embedded)

    async def _fail(self, photo: events.PhotoUploaded, delivery: Delivery, error: ImageError) -> None:
        failed = events.StepFailed(
            photo_id=photo.photo_id, user_id=photo.user_id, code=error.code, message=error.message
        )
        async with self.database.effect(delivery) as session:
            if not await tombstones.is_buried(session, photo.photo_id, photo.user_id):
                await outbox.add(session, catalog.FINGERPRINT_FAILED, failed)

    async def forget(self, photo: events.PhotoDeleted, delivery: Delivery) -> None:
        """The tombstone first: from then on workers take their own work back, so nothing new can appear."""
        async with self.database.begin() as session:
            await tombstones.bury(session, photo.photo_id, photo.user_id)
            await repository.lock_groups(session, photo.user_id)
            partners = await withdraw_all(session, photo.user_id, photo.photo_id)
            await repository.forget(session, photo.user_id, photo.photo_id)
            await regroup(session, photo.user_id, partners)
        await self._take_back(photo)
        async with self.database.effect(delivery):
            pass

    async def _take_back(self, photo: events.PhotoEvent) -> None:
        if self.vectors is not None:
            await self.vectors.remove(photo.user_id, photo.photo_id)

    async def _is_buried(self, photo: events.PhotoEvent) -> bool:
        async with self.database.begin() as session:
            return await tombstones.is_buried(session, photo.photo_id, photo.user_id)

    # --- answering ----------------------------------------------------------------------------------------------

    async def list(self, request: duplicating.ListDuplicates) -> duplicating.DuplicatePage:
        async with self.database.begin() as session:
            found, total = await repository.page(session, request)
        return duplicating.DuplicatePage(duplicates=[to_answer(row) for row in found], total=total)

    async def groups(self, request: duplicating.ListGroups) -> duplicating.GroupPage:
        async with self.database.begin() as session:
            found, total = await repository.group_page(session, request)
        return duplicating.GroupPage(groups=[_group(pairs) for pairs in found], total=total)

    async def stats(self, request: library.UserRequest) -> duplicating.DuplicateStats:
        async with self.database.begin() as session:
            duplicates, freed, photos = await repository.stats(session, request.user_id)
        return duplicating.DuplicateStats(
            total_duplicates=duplicates,
            space_to_free=human_size(freed),
            space_to_free_bytes=freed,
            duplicate_percentage=round(100 * duplicates / photos, 1) if photos else 0.0,
        )

    async def act(self, request: duplicating.ActOnDuplicate) -> duplicating.Duplicate:
        """Remembers the user's word about a pair for good. Nothing is deleted by it."""
        async with self.database.begin() as session:
            await repository.lock_groups(session, request.user_id)
            row = await repository.pair(session, request.user_id, request.duplicate_id)
            if row is None:
                raise NotFound("There is no such duplicate.", duplicateId=request.duplicate_id)
            pair = (row.primary_photo_id, row.duplicate_photo_id)
            await repository.decide(session, request.user_id, min(pair), max(pair), request.action)
            await repository.mark(session, request.user_id, request.duplicate_id, request.action)
            resolved = events.DuplicateResolved(
                duplicate_id=request.duplicate_id,
                user_id=request.user_id,
                primary_photo_id=pair[0],
                duplicate_photo_id=pair[1],
                action=request.action,
            )
            await outbox.add(session, catalog.DUPLICATE_RESOLVED, resolved)
            await session.refresh(row)
            answer = to_answer(row)
            await regroup(session, request.user_id, pair)
        return answer

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


def _group(pairs: list[DuplicateRow]) -> duplicating.Group:
    lanes = [cast(Lane, pair.lane) for pair in pairs]
    return duplicating.Group(
        lane=min(lanes, key=STRENGTH.__getitem__),
        keeper=pairs[0].primary_photo_id,
        members=[pairs[0].primary_photo_id, *(pair.duplicate_photo_id for pair in pairs)],
        # each sentence once, in the order of the members
        reasons=list(dict.fromkeys(reason for pair in pairs for reason in pair.reasons)),
    )


def human_size(size: int) -> str:
    """Decimal units with one digit, as the specification writes them: 15.2 GB."""
    amount, unit = float(size), _UNITS[0]
    for unit in _UNITS:
        if amount < 1000 or unit == _UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
