"""What the auth service hears: what happens to users' files, for the audit log, and that services have done their part of an erasure."""

from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, events
from mizzap_common.db import Database
from mizzap_common.inbox import Delivery

from mizzap_auth.audit import AuditLog
from mizzap_auth.erasures import Erasures


class Handlers:
    def __init__(self, database: Database, audit: AuditLog) -> None:
        self.database = database
        self.audit = audit

    def subscribe(self, bus: Bus) -> None:
        bus.on(catalog.PHOTO_UPLOADED, self.uploaded)
        bus.on(catalog.PHOTO_TRASHED, self.trashed)
        bus.on(catalog.PHOTO_RESTORED, self.restored)
        bus.on(catalog.PHOTO_DELETED, self.deleted)
        bus.on(catalog.DUPLICATE_RESOLVED, self.resolved)
        bus.on(catalog.ALBUM_UPDATED, self.album_updated)
        bus.on(catalog.ORDER_CHANGED, self.order_changed)

    async def uploaded(self, event: events.PhotoUploaded, delivery: Delivery) -> None:
        await self._note(event, delivery, "photo.uploaded")

    async def trashed(self, event: events.PhotoTrashed, delivery: Delivery) -> None:
        await self._note(event, delivery, "photo.trashed")

    async def restored(self, event: events.PhotoRestored, delivery: Delivery) -> None:
        await self._note(event, delivery, "photo.restored")

    async def deleted(self, event: events.PhotoDeleted, delivery: Delivery) -> None:
        await self._note(event, delivery, "photo.deleted")

    async def resolved(self, event: events.DuplicateResolved, delivery: Delivery) -> None:
        await self._note(event, delivery, f"duplicate.{event.action}")

    async def album_updated(self, event: events.AlbumUpdated, delivery: Delivery) -> None:
        # a viewer is told what a family did to the own view of the album: nobody has changed anything in their account
        if event.owner_id in (None, event.user_id):
            await self._note(event, delivery, f"album.{event.change}")

    async def order_changed(self, event: events.OrderChanged, delivery: Delivery) -> None:
        """From the order on a partner can fetch the photos, and from its end on it can't."""
        await self._note(event, delivery, f"order.{event.status}")

    async def _note(self, event: events.UserEvent, delivery: Delivery, action: str) -> None:
        async with self.database.effect(delivery) as session:
            await self.audit.note_if_known(session, event.user_id, action, event.about)


def subscribe_erasures(bus: Bus, erasures: Erasures) -> None:
    bus.on(catalog.PHOTOS_ERASED, erasures.receipt_of("photos"))
    bus.on(catalog.ALBUMS_ERASED, erasures.receipt_of("albums"))
    bus.on(catalog.THUMBS_ERASED, erasures.receipt_of("thumbs"))
    bus.on(catalog.DEDUP_ERASED, erasures.receipt_of("dedup"))
    bus.on(catalog.CURATION_ERASED, erasures.receipt_of("curation"))
