"""The system at a glance: every event, who publishes it, who acts on it, and its name on the WebSocket.

``docs/events.md`` and ``docs/asyncapi.json`` are generated from this file, streams and durables are declared
from it, and a test holds each service's subscribers and publishers against it. The questions and commands
between services are in ``requests.py``.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from mizzap_common.contracts import events
from mizzap_common.contracts.family_events import FamilyChanged, FamilyDeleted, FamilyMemberEvent

P = TypeVar("P", bound=events.UserEvent)

SERVICES = ("auth", "photos", "albums", "thumbs", "dedup", "curation", "gateway")
DEAD_LETTER_STREAM = "DEAD_LETTERS"
DEAD_LETTER_SUBJECT = "dead_letter"


@dataclass(frozen=True)
class Event(Generic[P]):
    """A fact: ``subject`` is ``noun.verb`` in the past tense; ``consumers`` are the services with a durable on it."""

    subject: str
    payload: type[P]
    producer: str
    consumers: tuple[str, ...]
    websocket: str | None = None
    live: bool = False
    """Heard by the gateway as it passes, without being shown to anybody."""

    @property
    def watched(self) -> bool:
        """Whether the gateway hears it as it passes."""
        return self.live or self.websocket is not None

    @property
    def stream(self) -> str:
        return self.producer.upper()

    def durable(self, service: str) -> str:
        return f"{service}-{self.subject.replace('.', '-')}"


# fmt: off
USER_REGISTERED      = Event("user.registered",      events.UserRegistered,     "auth",     ())
USER_TIER_CHANGED    = Event("user.tier_changed",    events.UserTierChanged,    "auth",     ("photos",))
SESSION_ENDED        = Event("session.ended",        events.SessionEnded,       "auth",     (), live=True)
CONSENT_CHANGED      = Event("consent.changed",      events.ConsentChanged,     "auth",     ("photos", "dedup", "curation"))
USER_JOINED_FAMILY   = Event("user.joined_family",   FamilyMemberEvent,          "auth",     ("albums",), "user:joined_family")
USER_LEFT_FAMILY     = Event("user.left_family",     FamilyMemberEvent,          "auth",     ("albums",), "user:left_family")
FAMILY_CHANGED       = Event("family.changed",       FamilyChanged,              "auth",     ("albums",), "family:changed")
FAMILY_DELETED       = Event("family.deleted",       FamilyDeleted,              "auth",     ("albums",), "family:deleted")

PHOTO_UPLOADED       = Event("photo.uploaded",       events.PhotoUploaded,      "photos",   ("photos", "thumbs", "dedup", "curation", "auth"), "photo:uploaded")
PROCESSING_REQUESTED = Event("processing.requested", events.ProcessingRequested, "photos",  ("photos", "thumbs", "dedup", "curation"))
PHOTO_PROCESSED      = Event("photo.processed",      events.PhotoProcessed,     "photos",   ("curation",), "photo:processed")
PHOTO_FAILED         = Event("photo.failed",         events.PhotoFailed,        "photos",   ("curation",), "photo:failed")
PHOTO_TRASHED        = Event("photo.trashed",        events.PhotoTrashed,       "photos",   ("dedup", "curation", "albums", "auth"), "photo:trashed")
PHOTO_RESTORED       = Event("photo.restored",       events.PhotoRestored,      "photos",   ("dedup", "curation", "albums", "auth"), "photo:restored")
PHOTO_CHANGED        = Event("photo.changed",        events.PhotoChanged,       "photos",   (), "photo:changed")
PHOTO_DELETED        = Event("photo.deleted",        events.PhotoDeleted,       "photos",   ("photos", "thumbs", "dedup", "curation", "albums", "auth"), "photo:deleted")

PHOTO_THUMBNAILED    = Event("photo.thumbnailed",    events.PhotoThumbnailed,   "thumbs",   ("photos",))
THUMBNAIL_FAILED     = Event("thumbnail.failed",     events.StepFailed,         "thumbs",   ("photos",))

PHOTO_FINGERPRINTED  = Event("photo.fingerprinted",  events.PhotoFingerprinted, "dedup",    ("photos",))
FINGERPRINT_FAILED   = Event("fingerprint.failed",   events.StepFailed,         "dedup",    ("photos",))
PHOTO_EMBEDDED       = Event("photo.embedded",       events.PhotoEmbedded,      "dedup",    ("curation",))
EMBEDDING_ALLOWED    = Event("embedding.allowed",    events.StepAllowed,        "dedup",    ("photos",))
DUPLICATE_DETECTED   = Event("duplicate.detected",   events.DuplicateDetected,  "dedup",    ("photos", "curation"), "duplicate:detected")
DUPLICATE_WITHDRAWN  = Event("duplicate.withdrawn",  events.DuplicateWithdrawn, "dedup",    ("photos", "curation"), "duplicate:withdrawn")
DUPLICATE_RESOLVED   = Event("duplicate.resolved",   events.DuplicateResolved,  "dedup",    ("photos", "curation", "auth"), "duplicate:resolved")

PHOTO_SCORED         = Event("photo.scored",         events.PhotoScored,        "curation", ("photos",))
SCORE_FAILED         = Event("score.failed",         events.StepFailed,         "curation", ("photos",))
SCORE_SKIPPED        = Event("score.skipped",        events.StepSkipped,        "curation", ("photos",))
SCORE_ALLOWED        = Event("score.allowed",        events.StepAllowed,        "curation", ("photos",))
CURATION_READY       = Event("curation.ready",       events.CurationReady,      "curation", (), "curation:ready")
ORDER_CHANGED        = Event("order.changed",        events.OrderChanged,       "curation", ("auth",), "order:changed")

ALBUM_UPDATED        = Event("album.updated",        events.AlbumUpdated,       "albums",   ("auth",), "album:updated")

USER_ERASURE_REQUESTED = Event("user.erasure_requested", events.UserErasureRequested, "auth", ("photos", "albums", "thumbs", "dedup", "curation"))
PHOTOS_ERASED        = Event("photos.erased",        events.ErasureReceipt,     "photos",   ("auth",))
ALBUMS_ERASED        = Event("albums.erased",        events.ErasureReceipt,     "albums",   ("auth",))
THUMBS_ERASED        = Event("thumbs.erased",        events.ErasureReceipt,     "thumbs",   ("auth",))
DEDUP_ERASED         = Event("dedup.erased",         events.ErasureReceipt,     "dedup",    ("auth",))
CURATION_ERASED      = Event("curation.erased",      events.ErasureReceipt,     "curation", ("auth",))
EXPORT_READY         = Event("export.ready",         events.ExportReady,        "auth",     (), "export:ready")
EXPORT_FAILED        = Event("export.failed",        events.ExportFailed,       "auth",     (), "export:failed")
# fmt: on

EVENTS: tuple[Event[events.UserEvent], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Event)
)
BY_SUBJECT: dict[str, Event[events.UserEvent]] = {event.subject: event for event in EVENTS}


def produced_by(service: str) -> tuple[Event[events.UserEvent], ...]:
    return tuple(event for event in EVENTS if event.producer == service)


def consumed_by(service: str) -> tuple[Event[events.UserEvent], ...]:
    return tuple(event for event in EVENTS if service in event.consumers)
