"""Payloads of the events. Ids, hashes and object keys only: no personal data, no bytes of photos."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from mizzap_common.contracts.message import Message

Lane = Literal["exact", "pixel", "near", "similar"]
MatchType = Literal["exact", "perceptual", "ai"]
Tier = Literal["free", "premium"]
DuplicateAction = Literal["pending", "confirmed", "rejected", "kept_both"]
Step = Literal["dedup", "thumbnail", "ai_score", "metadata_extract"]
Purpose = Literal["privacy", "ai", "marketing"]
FamilyRole = Literal["owner", "member", "viewer"]


class UserEvent(Message):
    outlives_user: ClassVar[bool] = False
    """Whether it is still acted on when its user has been erased."""

    user_id: int

    @property
    def about(self) -> str:
        """What the event is about: CloudEvents' subject, and what the sweeper finds it by in the outbox."""
        return f"user/{self.user_id}"

    @property
    def watchers(self) -> frozenset[int]:
        """The users whose sockets show the event: its own, and those of the ``audience`` that a payload may name."""
        return frozenset((self.user_id, *getattr(self, "audience", ())))


class PhotoEvent(UserEvent):
    photo_id: int

    @property
    def about(self) -> str:
        return f"photo/{self.photo_id}"


class UserRegistered(UserEvent):
    pass


class UserTierChanged(UserEvent):
    """Of several the one with the highest ``change`` counts, which rises with every change; older events have 0."""

    tier: Tier
    change: int = 0


class ConsentChanged(UserEvent):
    """The user agreed to something, or took that back. Of several the one with the highest ``change`` counts."""

    purpose: Purpose
    version: str
    """Of the policy that the user was shown."""
    granted: bool
    change: int


class SessionEnded(UserEvent):
    """Nothing of this session counts any more, however long its tokens would have been good for."""

    session_id: int

    @property
    def about(self) -> str:
        return f"session/{self.session_id}"


class PhotoUploaded(PhotoEvent):
    sha256: str
    object_key: str
    mime_type: str
    size_bytes: int


class ProcessingRequested(PhotoUploaded):
    """The named steps are to be done again for a photo, each exactly as for its upload."""

    steps: list[Step]


class PhotoOutcome(PhotoEvent):
    """All steps of the photo have ended. Told again whenever steps were done again."""

    version: int = 0
    """Rises with each outcome of the photo: the highest one is what holds."""


class PhotoProcessed(PhotoOutcome):
    pass


class PhotoFailed(PhotoOutcome):
    code: str
    message: str


class PhotoDeleted(PhotoEvent):
    sha256: str
    object_key: str


class Rendition(Message):
    """A smaller copy of a photo; ``side`` is the longest side asked for, in pixels."""

    side: int
    width: int
    height: int
    size_bytes: int
    object_key: str


class PhotoTrashed(PhotoEvent):
    """The photo is in the trash: hidden everywhere, and kept as it is."""

    version: int
    """Rises each time the photo goes into the trash or comes out: the highest one tells where it is."""


class PhotoRestored(PhotoTrashed):
    """The photo is out of the trash, with everything that it stood in."""


class PhotoChanged(PhotoEvent):
    """The user has changed something about the photo, as whether it is a favourite."""


class StepEnded(PhotoEvent):
    """A step of the photo has come to its end, whichever."""

    began_at: AwareDatetime | None = None
    """When its worker took it in hand, by the worker's clock; events of before it was told don't say it."""


class PhotoThumbnailed(StepEnded):
    renditions: list[Rendition]


class PhotoFingerprinted(StepEnded):
    """The hashes are stored and all lanes have been searched."""

    perceptual_hash: str
    """64-bit pHash of imagehash, 16 hexadecimal digits."""


class PhotoEmbedded(PhotoEvent):
    model_id: str
    dimensions: int


class PhotoScored(StepEnded):
    quality_score: float
    """Technical quality, 0.0 to 1.0."""
    consent_change: int = 0
    """The ``change`` of the AI consent that it was made under: an older one than a withdrawal doesn't count any more."""


class StepSkipped(StepEnded):
    """A step that was left out, as the user has not agreed to it. The photo counts as processed all the same."""

    reason: str


class StepAllowed(UserEvent):
    """The user has agreed to a step that was left out for these photos."""

    photo_ids: list[int]


class StepFailed(StepEnded):
    """A step that will never succeed for this photo, as it can't be decoded, say."""

    code: str
    message: str


class DuplicatePair(UserEvent):
    duplicate_id: int
    primary_photo_id: int
    duplicate_photo_id: int

    @property
    def about(self) -> str:
        return f"duplicate/{self.duplicate_id}"


class DuplicateDetected(DuplicatePair):
    lane: Lane
    match_type: MatchType
    similarity_score: float


class DuplicateWithdrawn(DuplicatePair):
    """The pair is no duplicate any more: another keeper was found, or one of the two was deleted."""


class DuplicateResolved(DuplicatePair):
    """Of several about one pair the one with the highest ``change`` counts, which rises with every word; older events
    have 0. A pair that is withdrawn stays so, whatever else arrives."""

    action: DuplicateAction
    change: int = 0


class CurationReady(UserEvent):
    set_id: int
    moments: int


OrderStatus = Literal["placed", "sent", "accepted", "in_progress", "delivered", "rejected", "cancelled", "failed"]


class OrderChanged(UserEvent):
    order_id: int
    status: OrderStatus

    @property
    def about(self) -> str:
        return f"order/{self.order_id}"


class AlbumUpdated(UserEvent):
    """``user_id`` is the album's owner. Or a family member to whom alone it happened: for whoever an album is shared
    with it is created, for whoever doesn't see it any more it is deleted."""

    album_id: int
    change: Literal["created", "updated", "photos_added", "photos_removed", "deleted"]
    audience: list[int] = Field(default_factory=list)
    """All who see the album and the change, beside the user."""
    owner_id: int | None = None
    """Whose album it is; events of before there was sharing don't say it."""

    @property
    def about(self) -> str:
        return f"album/{self.album_id}"


class UserErasureRequested(UserEvent):
    """The account is closed: every service removes what it has of this user, and says so with its receipt."""

    outlives_user: ClassVar[bool] = True

    erasure_id: str
    asked: int
    """The how many-th time it is asked for: receipts name the request that they answer."""


class ErasureReceipt(UserEvent):
    """A service has nothing of this user any more. ``rows`` and ``objects`` were removed this time."""

    outlives_user: ClassVar[bool] = True

    erasure_id: str
    asked: int
    rows: int
    objects: int


class ExportEvent(UserEvent):
    export_id: int

    @property
    def about(self) -> str:
        return f"export/{self.export_id}"


class ExportReady(ExportEvent):
    pass


class ExportFailed(ExportEvent):
    pass
