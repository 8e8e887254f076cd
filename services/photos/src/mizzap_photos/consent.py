"""What the AI consent changes here: a photo keeps no score that was made under one that was withdrawn."""

from mizzap_common import ai_consents
from mizzap_common.contracts import events, library
from mizzap_common.delivery import Handler
from mizzap_common.inbox import Delivery

from mizzap_photos import repository
from mizzap_photos.reprocessing import request_again
from mizzap_photos.service import Photos


class Consent:
    def __init__(self, photos: Photos) -> None:
        self.photos = photos
        self.database = photos.database

    async def changed(self, event: events.ConsentChanged, delivery: Delivery) -> None:
        async with self.database.effect(delivery) as session:
            if event.purpose == "ai" and await ai_consents.heard(session, event) and not event.granted:
                await repository.forget_scores(session, event.user_id)

    async def scored(self, event: events.PhotoScored, delivery: Delivery) -> None:
        """The step has ended either way; its score counts unless its consent was withdrawn in the meantime."""
        async with self.database.effect(delivery) as session:
            values: dict[str, object] = {"quality_score": event.quality_score}
            if await ai_consents.withdrawn_since(session, event.user_id, event.consent_change):
                values = {}
            elif event.consent_change:
                # the score may be here before the consent that it was made under: an older withdrawal, told later
                # still, must not take it
                await ai_consents.learned(session, event.user_id, True, event.consent_change)
            await self.photos.step_ended(session, event, "ai_score", values)

    def allowing(self, step: library.JobType) -> Handler[events.StepAllowed]:
        """For the events by which a service says that it may do now what it left out."""

        async def allowed(event: events.StepAllowed, delivery: Delivery) -> None:
            async with self.database.effect(delivery) as session:
                await request_again(session, event.user_id, event.photo_ids, [step])

        return allowed
