"""What the AI consent changes here: without it there are no scores and no moments."""

from mizzap_common import ai_consents, outbox
from mizzap_common.contracts import catalog, events
from mizzap_common.db import Database
from mizzap_common.inbox import Delivery

from mizzap_curation import repository, sets_repository

_MOST_IN_AN_EVENT = 1000


class Consent:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def changed(self, event: events.ConsentChanged, delivery: Delivery) -> None:
        async with self.database.effect(delivery) as session:
            if event.purpose != "ai" or not await ai_consents.heard(session, event):
                return
            if not event.granted:
                await sets_repository.remove_results(session, event.user_id)
                return
            missing = await repository.unscored(session, event.user_id)
            for start in range(0, len(missing), _MOST_IN_AN_EVENT):
                photo_ids = list(missing[start : start + _MOST_IN_AN_EVENT])
                allowed = events.StepAllowed(user_id=event.user_id, photo_ids=photo_ids)
                await outbox.add(session, catalog.SCORE_ALLOWED, allowed)
