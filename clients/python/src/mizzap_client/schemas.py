"""What the interface takes and answers.

Generated from `docs/openapi.json`; `make docs` writes it, `make check` holds it to the interface.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, NaiveDatetime

from mizzap_client.schema import Schema


class AcceptBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    token: str


class AccountClosed(Schema):
    """
    The account is gone from here on; what it had goes within hours, and ``gone_by`` at the latest.
    """

    erasure_id: str
    requested_at: AwareDatetime
    gone_by: AwareDatetime
    session_ids: list[int] | None = None


class ActionBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    action: Literal["pending", "confirmed", "rejected", "kept_both"]


class ActionResult(Schema):
    id: int
    before: Literal["pending", "confirmed", "rejected", "kept_both"]
    action: Literal["pending", "confirmed", "rejected", "kept_both"]
    changed: bool


class AddToAlbumBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    photo_ids: list[int]


class AdoptBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    file_name: str
    sha256: str


class Album(Schema):
    id: int
    owner_id: int
    role: Literal["owner", "member", "viewer"]
    name: str
    description: str | None
    cover_photo_id: int | None
    visibility: Literal["private", "shared"]
    photo_count: int
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class AlbumWithPhotos(Schema):
    id: int
    owner_id: int
    role: Literal["owner", "member", "viewer"]
    name: str
    description: str | None
    cover_photo_id: int | None
    visibility: Literal["private", "shared"]
    photo_count: int
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime
    photo_ids: list[int]


class AnswerAccountClosed(Schema):
    success: Literal[True] = True
    data: AccountClosed


class AnswerAlbumWithPhotos(Schema):
    success: Literal[True] = True
    data: AlbumWithPhotos


class AnswerAlbum(Schema):
    success: Literal[True] = True
    data: Album


class AuditEntry(Schema):
    seq: int
    at: AwareDatetime
    action: str
    about: str
    hash: str


class BatchBody(Schema):
    """
    ``albumId`` is the album of ``add_to_album``, and belongs to no other action.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    action: Literal["delete", "restore", "favourite", "unfavourite", "delete_permanently"] | Literal["add_to_album"]
    photo_ids: list[int]
    album_id: int | None = None


class BulkOutcome(Schema):
    """
    All of it happened, or nothing did.
    """

    bulk_action_id: UUID
    results: list[ActionResult]
    count: int | None = 0
    changed: int | None = 0


class CallbackTaken(Schema):
    order_id: int
    status: Literal["placed", "sent", "accepted", "in_progress", "delivered", "rejected", "cancelled", "failed"]
    applied: bool


class Change(Schema):
    kind: str
    id: int
    change: Literal["created", "changed", "deleted"]
    at: AwareDatetime
    data: dict[str, Any] | None


class ChangeMomentsBody(Schema):
    """
    Pins photos into the set, takes photos out for good, or gives the whole order anew.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    add: list[int] | None = []
    remove: list[int] | None = []
    order: list[int] | None = None


class ChangesAnswer(Schema):
    data: list[Change]
    cursor: str
    has_more: bool
    success: Literal[True] = True


class Consent(Schema):
    """
    How the user stands to one purpose.
    """

    purpose: Literal["privacy", "ai", "marketing"]
    granted: bool
    version: str | None
    at: AwareDatetime | None


class ConsentBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    granted: bool
    version: str


class ConsentEntry(Schema):
    """
    Something the user said, once.
    """

    purpose: Literal["privacy", "ai", "marketing"]
    granted: bool
    version: str
    at: AwareDatetime


class Consents(Schema):
    versions: list[str]
    current: list[Consent]
    history: list[ConsentEntry]


class CreateAlbumBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: str
    description: str | None = None


class CursorPagination(Schema):
    """
    What is null is not known by cursor: counting would cost more the more there are.
    """

    page: int | None
    limit: int
    total: int | None
    has_more: bool
    total_pages: int | None
    next_cursor: str | None


class DeleteAccountBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    password: str


class Duplicate(Schema):
    """
    One pair: the suggested keeper and a photo that it could stand for.
    """

    id: int
    primary_photo_id: int
    duplicate_photo_id: int
    lane: Literal["exact", "pixel", "near", "similar"]
    match_type: Literal["exact", "perceptual", "ai"]
    similarity_score: float
    reasons: list[str]
    action: Literal["pending", "confirmed", "rejected", "kept_both"]
    action_date: AwareDatetime | None
    created_at: AwareDatetime


class DuplicateStats(Schema):
    total_duplicates: int
    space_to_free: str
    space_to_free_bytes: int
    duplicate_percentage: float


class EndedSessions(Schema):
    session_ids: list[int]


class Export(Schema):
    id: int
    status: Literal["queued", "building", "ready", "failed", "expired"]
    photos_done: int
    photos_total: int
    bytes_done: int
    created_at: AwareDatetime
    ready_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    error: str | None
    download_url: str | None


class Family(Schema):
    id: int
    name: str
    role: Literal["owner", "member", "viewer"]
    member_count: int
    created_at: AwareDatetime


class FamilyBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: str


class FavouriteBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    favourite: bool


class FilmBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    photo_ids: list[int] | None = None
    partner_consent: bool | None = False
    title: str
    music: str | None = None
    seconds: int | None = 60


class GivenConsents(Schema):
    """
    What somebody agrees to when registering, each for itself.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    ai: bool | None = False
    marketing: bool | None = False


class Gone(Schema):
    id: int


class GroupKeeper(Schema):
    """
    Names a group: its keeper, and whether it is the one of candidates by likeness alone (lane "similar").
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    photo_id: int
    similar: bool | None = False


class Invitation(Schema):
    id: int
    role: Literal["member", "viewer"]
    bound_to_address: bool
    created_at: AwareDatetime
    expires_at: AwareDatetime


class InvitationBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    role: Literal["member", "viewer"]
    email: str | None = None


class ItemResult(Schema):
    photo_id: int
    result: Literal["changed", "unchanged"]


class Job(Schema):
    """
    A step of a photo. It is ``processing`` from ``started_at`` on, as its worker said: a word that may get lost, and
    then it stays ``queued`` until its end, which says when it began. All of it starts anew when the step is wanted again.
    """

    id: int
    photo_id: int
    job_type: Literal["dedup", "thumbnail", "ai_score", "metadata_extract"]
    status: Literal["queued", "processing", "completed", "failed"]
    retry_count: int
    error_message: str | None
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    completed_at: AwareDatetime | None


class Keys(Schema):
    keys: list[dict[str, Any]]


class KnownHash(Schema):
    sha256: str
    photo_ids: list[int]
    file_names: list[str]


class KnownHashes(Schema):
    known: list[KnownHash]


class LoginBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    email: str
    password: str
    device_name: str | None = None
    cookies: bool | None = False


class Member(Schema):
    user_id: int
    name: str | None
    role: Literal["owner", "member", "viewer"]
    joined_at: AwareDatetime


class Model(Schema):
    """
    The embedding model in use; both None when there is none and the similar lane sleeps.
    """

    id: str | None
    dimensions: int | None


class Moment(Schema):
    photo_id: int
    score: float
    reasons: list[str]
    pinned: bool


class Move(Schema):
    """
    Puts a photo right behind another one, or with ``after: null`` in front of all.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    photo_id: int
    after: int | None


class NewInvitation(Schema):
    id: int
    role: Literal["member", "viewer"]
    bound_to_address: bool
    created_at: AwareDatetime
    expires_at: AwareDatetime
    token: str


class OrderBody(Schema):
    """
    ``moves`` for albums of any size, done one after the other; or ``photoIds``, all of a small album's.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    photo_ids: list[int] | None = None
    moves: list[Move] | None = None


class OrderProblem(Schema):
    code: str
    message: str


class Pagination(Schema):
    page: int
    limit: int
    total: int
    has_more: bool
    total_pages: int


class PartnerConsent(Schema):
    version: str
    given_at: AwareDatetime
    withdrawn_at: AwareDatetime | None


class PartnerStatus(Schema):
    partner: Literal["memopyk", "photall"]
    enabled: bool
    open_orders: int
    delivered_orders: int


class PasswordBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    current_password: str
    new_password: str


class PhotoError(Schema):
    code: str
    message: str


class PhotoLabel(Schema):
    id: int
    file_name: str


class Place(Schema):
    """
    The town next to where a photo was taken. Names are as GeoNames and the CLDR have them in English.
    """

    town: str
    region: str | None
    country: str
    country_code: str


class PrecheckBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    sha256: list[str]


class Problem(Schema):
    code: str
    message: str
    details: dict[str, Any]


class ProblemAnswer(Schema):
    success: Literal[False] = False
    error: Problem


class ProfileBody(Schema):
    """
    A field that is left out stays as it is; an empty name takes it away.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    username: str | None = None
    full_name: str | None = None
    country: str | None = None


class ProgressNow(Schema):
    photos: int
    stored: int
    processed: int
    failed: int
    pending: int
    renditions: int | None


class RefreshBody(Schema):
    """
    Empty when the refresh token is in its cookie.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    refresh_token: str | None = None


class RegisterBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    email: str
    password: str
    device_name: str | None = None
    username: str | None = None
    full_name: str | None = None
    country: str | None = "FR"
    privacy_accepted: bool | None = False
    consents: GivenConsents | None = Field({"ai": False, "marketing": False}, validate_default=True)
    cookies: bool | None = False


class RemoveFromAlbumBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    photo_ids: list[int]


class RetouchBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    photo_ids: list[int] | None = None
    partner_consent: bool | None = False
    instructions: str
    style: Literal["natural", "vivid", "portrait", "black_and_white", "restoration"] | None = "natural"


class RoleBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    role: Literal["owner", "member", "viewer"]


class SessionShown(Schema):
    id: int
    device_name: str
    created_at: AwareDatetime
    last_used_at: AwareDatetime
    current: bool


class Share(Schema):
    family_id: int
    visibility: Literal["family", "private"]
    originals: bool
    created_at: AwareDatetime


class ShareBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    family_id: int
    visibility: Literal["family", "private"] | None = "family"
    originals: bool | None = False


class SharedPhoto(Schema):
    """
    Somebody else's photo. Where it was taken, its hashes, its duplicates and its score are its owner's alone.
    """

    id: int
    owner_id: int
    file_name: str
    file_size: int
    mime_type: str
    status: Literal["pending", "uploaded", "processed", "failed"]
    width: int | None
    height: int | None
    created_date: date | None
    taken_at: NaiveDatetime | None
    camera_model: str | None
    thumbnail_url: str
    uploaded_at: AwareDatetime
    added_at: AwareDatetime


class Ticket(Schema):
    ticket: str
    expires_in: int


class TrashBody(Schema):
    model_config = ConfigDict(
        extra="forbid",
    )
    days: int


class TrashedPhoto(Schema):
    id: int
    file_name: str
    file_size: int
    mime_type: str
    sha256: str
    md5: str
    perceptual_hash: str | None
    status: Literal["pending", "uploaded", "processed", "failed"]
    error: PhotoError | None
    width: int | None
    height: int | None
    created_date: date | None
    taken_at: NaiveDatetime | None
    camera_model: str | None
    latitude: float | None
    longitude: float | None
    place: Place | None = None
    is_favourite: bool | None = False
    has_duplicates: bool
    duplicate_count: int
    quality_score: float | None
    thumbnail_url: str
    uploaded_at: AwareDatetime
    processed_at: AwareDatetime | None
    trashed_at: AwareDatetime
    deleted_after: AwareDatetime


class UpdateAlbumBody(Schema):
    """
    A field that is left out stays as it is. With ``coverPhotoId: null`` the first photo is the cover again.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    name: str | None = None
    description: str | None = None
    cover_photo_id: int | None = None


class UploadError(Schema):
    code: str
    message: str
    details: dict[str, Any]


class Usage(Schema):
    tier: Literal["free", "premium"]
    used_bytes: int
    limit_bytes: int | None
    photos: int
    trash: int
    trash_days: float | None = 7


class User(Schema):
    id: int
    email: str
    username: str | None
    full_name: str | None
    country: str
    privacy_accepted: bool
    tier: Literal["free", "premium"] | None = "free"
    created_at: AwareDatetime


class AnswerBulkOutcome(Schema):
    success: Literal[True] = True
    data: BulkOutcome


class AnswerCallbackTaken(Schema):
    success: Literal[True] = True
    data: CallbackTaken


class AnswerConsent(Schema):
    success: Literal[True] = True
    data: Consent


class AnswerConsents(Schema):
    success: Literal[True] = True
    data: Consents


class AnswerDuplicateStats(Schema):
    success: Literal[True] = True
    data: DuplicateStats


class AnswerDuplicate(Schema):
    success: Literal[True] = True
    data: Duplicate


class AnswerEndedSessions(Schema):
    success: Literal[True] = True
    data: EndedSessions


class AnswerExport(Schema):
    success: Literal[True] = True
    data: Export


class AnswerGone(Schema):
    success: Literal[True] = True
    data: Gone


class AnswerJob(Schema):
    success: Literal[True] = True
    data: Job


class AnswerKnownHashes(Schema):
    success: Literal[True] = True
    data: KnownHashes


class AnswerModel(Schema):
    success: Literal[True] = True
    data: Model


class AnswerNewInvitation(Schema):
    success: Literal[True] = True
    data: NewInvitation


class AnswerProgressNow(Schema):
    success: Literal[True] = True
    data: ProgressNow


class AnswerShare(Schema):
    success: Literal[True] = True
    data: Share


class AnswerTicket(Schema):
    success: Literal[True] = True
    data: Ticket


class AnswerUsage(Schema):
    success: Literal[True] = True
    data: Usage


class AnswerUser(Schema):
    success: Literal[True] = True
    data: User


class AnswerListExport(Schema):
    success: Literal[True] = True
    data: list[Export]


class AnswerListFamily(Schema):
    success: Literal[True] = True
    data: list[Family]


class AnswerListInvitation(Schema):
    success: Literal[True] = True
    data: list[Invitation]


class AnswerListShare(Schema):
    success: Literal[True] = True
    data: list[Share]


class BatchResults(Schema):
    results: list[ItemResult]


class BulkActionBody(Schema):
    """
    Either ``ids`` or ``groupKeeper``.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    ids: list[int] | None = None
    group_keeper: GroupKeeper | None = None
    action: Literal["pending", "confirmed", "rejected", "kept_both"]


class CuratedSet(Schema):
    id: int | None
    status: Literal["suggested", "confirmed"]
    moments: list[Moment]
    photos: int
    up_to_date: bool
    updated_at: AwareDatetime | None


class FamilyWithMembers(Schema):
    id: int
    name: str
    role: Literal["owner", "member", "viewer"]
    member_count: int
    created_at: AwareDatetime
    members: list[Member]


class ListAnswerAlbum(Schema):
    success: Literal[True] = True
    data: list[Album]
    pagination: Pagination


class ListAnswerAuditEntry(Schema):
    success: Literal[True] = True
    data: list[AuditEntry]
    pagination: Pagination


class ListAnswerJob(Schema):
    success: Literal[True] = True
    data: list[Job]
    pagination: Pagination


class ListAnswerSessionShown(Schema):
    success: Literal[True] = True
    data: list[SessionShown]
    pagination: Pagination


class ListAnswerTrashedPhoto(Schema):
    success: Literal[True] = True
    data: list[TrashedPhoto]
    pagination: Pagination


class NamedDuplicate(Schema):
    id: int
    primary_photo_id: int
    duplicate_photo_id: int
    lane: Literal["exact", "pixel", "near", "similar"]
    match_type: Literal["exact", "perceptual", "ai"]
    similarity_score: float
    reasons: list[str]
    action: Literal["pending", "confirmed", "rejected", "kept_both"]
    action_date: AwareDatetime | None
    created_at: AwareDatetime
    primary_photo: PhotoLabel | None
    duplicate_photo: PhotoLabel | None


class NamedGroup(Schema):
    lane: Literal["exact", "pixel", "near", "similar"]
    keeper: int
    members: list[int]
    member_count: int | None = 0
    reasons: list[str]
    duplicate_ids: list[int] | None = []
    photos: list[PhotoLabel]


class Order(Schema):
    id: int
    partner: Literal["memopyk", "photall"]
    status: Literal["placed", "sent", "accepted", "in_progress", "delivered", "rejected", "cancelled", "failed"]
    title: str | None
    music: str | None
    seconds: int | None
    instructions: str | None
    style: Literal["natural", "vivid", "portrait", "black_and_white", "restoration"] | None
    photo_ids: list[int]
    progress: int | None
    message: str | None
    delivery_url: str | None
    error: OrderProblem | None
    partner_consent: PartnerConsent
    links_expire_at: AwareDatetime
    created_at: AwareDatetime
    updated_at: AwareDatetime


class OwnPhoto(Schema):
    """
    The caller's own photo, whole.
    """

    id: int
    file_name: str
    file_size: int
    mime_type: str
    sha256: str
    md5: str
    perceptual_hash: str | None
    status: Literal["pending", "uploaded", "processed", "failed"]
    error: PhotoError | None
    width: int | None
    height: int | None
    created_date: date | None
    taken_at: NaiveDatetime | None
    camera_model: str | None
    latitude: float | None
    longitude: float | None
    place: Place | None = None
    is_favourite: bool | None = False
    has_duplicates: bool
    duplicate_count: int
    quality_score: float | None
    thumbnail_url: str
    uploaded_at: AwareDatetime
    processed_at: AwareDatetime | None
    owner_id: int
    added_at: AwareDatetime


class Photo(Schema):
    id: int
    file_name: str
    file_size: int
    mime_type: str
    sha256: str
    md5: str
    perceptual_hash: str | None
    status: Literal["pending", "uploaded", "processed", "failed"]
    error: PhotoError | None
    width: int | None
    height: int | None
    created_date: date | None
    taken_at: NaiveDatetime | None
    camera_model: str | None
    latitude: float | None
    longitude: float | None
    place: Place | None = None
    is_favourite: bool | None = False
    has_duplicates: bool
    duplicate_count: int
    quality_score: float | None
    thumbnail_url: str
    uploaded_at: AwareDatetime
    processed_at: AwareDatetime | None


class SessionAnswer(Schema):
    user: User
    access_token: str | None
    refresh_token: str | None
    token_type: str
    expires_in: int
    refresh_expires_in: int


class UploadResult(Schema):
    """
    What became of one file of an upload.
    """

    file_name: str
    status: Literal["stored", "known", "failed"]
    photo: Photo | None
    error: UploadError | None


class Adopted(Schema):
    photo: Photo
    created: bool


class AnswerAdopted(Schema):
    success: Literal[True] = True
    data: Adopted


class AnswerBatchResults(Schema):
    success: Literal[True] = True
    data: BatchResults


class AnswerCuratedSet(Schema):
    success: Literal[True] = True
    data: CuratedSet


class AnswerFamilyWithMembers(Schema):
    success: Literal[True] = True
    data: FamilyWithMembers


class AnswerOrder(Schema):
    success: Literal[True] = True
    data: Order


class AnswerPhoto(Schema):
    success: Literal[True] = True
    data: Photo


class AnswerSessionAnswer(Schema):
    success: Literal[True] = True
    data: SessionAnswer


class AnswerListUploadResult(Schema):
    success: Literal[True] = True
    data: list[UploadResult]


class CursorListAnswerPhoto(Schema):
    success: Literal[True] = True
    data: list[Photo]
    pagination: CursorPagination


class DuplicatesAnswer(Schema):
    success: Literal[True] = True
    data: list[NamedDuplicate]
    pagination: Pagination
    stats: DuplicateStats


class FoundPhoto(Schema):
    score: float
    photo: Photo


class IntegrationStatus(Schema):
    partners: list[PartnerStatus]
    orders: list[Order]


class ListAnswerNamedGroup(Schema):
    success: Literal[True] = True
    data: list[NamedGroup]
    pagination: Pagination


class ListAnswerUnionOwnPhotoSharedPhoto(Schema):
    success: Literal[True] = True
    data: list[OwnPhoto | SharedPhoto]
    pagination: Pagination


class StatusAnswer(Schema):
    success: Literal[True] = True
    data: IntegrationStatus
    pagination: Pagination


class Found(Schema):
    model: str
    results: list[FoundPhoto]


class AnswerFound(Schema):
    success: Literal[True] = True
    data: Found
