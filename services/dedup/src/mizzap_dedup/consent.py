"""What the AI consent changes here: without it there are no vectors, and nothing that rests on them."""

from mizzap_common import ai_consents, outbox, tombstones
from mizzap_common.contracts import catalog, events
from mizzap_common.db import Database
from mizzap_common.inbox import Delivery
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_dedup import repository
from mizzap_dedup.regroup import withdraw_similar
from mizzap_dedup.vectors import Collections

_MOST_IN_AN_EVENT = 1000


class Consent:
    """Without a model no vectors are asked for; those of an earlier one go with the consent all the same."""

    def __init__(self, database: Database, collections: Collections, has_model: bool) -> None:
        self.database = database
        self.collections = collections
        self.has_model = has_model

    async def changed(self, event: events.ConsentChanged, delivery: Delivery) -> None:
        if event.purpose == "ai":
            # committed first: from here on no worker writes a vector, however long it takes to remove those there are
            async with self.database.begin() as session:
                if not await tombstones.is_user_buried(session, event.user_id):
                    await ai_consents.heard(session, event)
        async with self.database.effect(delivery) as session:
            if event.purpose != "ai" or not await ai_consents.heard(session, event):
                return
            if event.granted:
                await self._ask_for_missing(session, event.user_id)
            else:
                await self._remove(session, event.user_id)

    async def _ask_for_missing(self, session: AsyncSession, user_id: int) -> None:
        if not self.has_model:
            return
        missing = await repository.without_embedding(session, user_id)
        for start in range(0, len(missing), _MOST_IN_AN_EVENT):
            photo_ids = list(missing[start : start + _MOST_IN_AN_EVENT])
            allowed = events.StepAllowed(user_id=user_id, photo_ids=photo_ids)
            await outbox.add(session, catalog.EMBEDDING_ALLOWED, allowed)

    async def _remove(self, session: AsyncSession, user_id: int) -> None:
        # inside the transaction, which nobody who agrees again can pass: else we might remove what that brought
        await self.collections.remove_all(user_id)
        await repository.lock_groups(session, user_id)
        await repository.forget_embeddings(session, user_id)
        await withdraw_similar(session, user_id)
