"""Payloads of the events. Ids, hashes and object keys only: no personal data, no bytes of photos."""

from typing import ClassVar, Literal

from mizzap_common.contracts.message import Message

Lane = Literal["exact", "pixel", "near", "similar"]
MatchType = Literal["exact", "perceptual", "ai"]
DuplicateAction = Literal["pending", "confirmed", "rejected", "kept_both"]


class UserEvent(Message):
    outlives_user: ClassVar[bool] = False
    """Whether it is still acted on when its user has been erased."""

    user_id: int

    @property
    def about(self) -> str:
        """What the event is about: CloudEvents' subject, and what the sweeper finds it by in the outbox."""
        return f"user/{self.user_id}"


class PhotoEvent(UserEvent):
    photo_id: int

    @property
    def about(self) -> str:
        return f"photo/{self.photo_id}"


class UserRegistered(UserEvent):
    pass


class PhotoUploaded(PhotoEvent):
    sha256: str
    object_key: str
    mime_type: str
    size_bytes: int


class PhotoProcessed(PhotoEvent):
    pass


class PhotoFailed(PhotoEvent):
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


class PhotoThumbnailed(PhotoEvent):
    renditions: list[Rendition]


class PhotoFingerprinted(PhotoEvent):
    """The hashes are stored and all lanes have been searched."""

    perceptual_hash: str
    """64-bit pHash of imagehash, 16 hexadecimal digits."""


class PhotoEmbedded(PhotoEvent):
    model_id: str
    dimensions: int


class PhotoScored(PhotoEvent):
    quality_score: float
    """Technical quality, 0.0 to 1.0."""


class StepFailed(PhotoEvent):
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
    action: DuplicateAction


class CurationReady(UserEvent):
    set_id: int
    moments: int


class AlbumUpdated(UserEvent):
    album_id: int
    change: Literal["created", "updated", "photos_added", "photos_removed", "deleted"]

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
