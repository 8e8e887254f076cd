"""Requests and answers around the library: photos, jobs, renditions."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, WithJsonSchema

from mizzap_common import cursors
from mizzap_common.contracts.message import Message, Request

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Md5 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
PhotoId = Annotated[int, Field(ge=1, le=2**63 - 1)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]+$")]
SearchText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]
MediaType = Annotated[str, StringConstraints(pattern=r"^(photo|video|[a-z]+/[a-z0-9.+\-]*)$", max_length=100)]
LocalTime = Annotated[datetime, WithJsonSchema({"type": "string", "format": "date-time-local"})]
"""As a clock on the wall shows it, without a zone: RFC 3339's date-time would promise one."""
UploadStatus = Literal["pending", "uploaded", "processed", "failed"]
JobType = Literal["dedup", "thumbnail", "ai_score", "metadata_extract"]
JobStatus = Literal["queued", "processing", "completed", "failed"]
SortField = Literal["createdDate", "uploadedAt", "fileName", "fileSize", "qualityScore", "id"]


class UserRequest(Request):
    user_id: int


class PhotoRequest(UserRequest):
    photo_id: PhotoId


class PhotosRequest(UserRequest):
    photo_ids: list[PhotoId] = Field(max_length=500)


class Page(UserRequest):
    page: int = Field(1, ge=1, le=1_000_000)
    limit: int = Field(20, ge=1, le=100)


class Done(Message):
    pass


class Count(Message):
    count: int


class StoredObject(Message):
    object_key: str
    mime_type: str
    size_bytes: int
    etag: str
    file_name: str | None = None


# --- photos -----------------------------------------------------------------------------------------------------


class Precheck(UserRequest):
    sha256: list[Sha256] = Field(max_length=1000)
    after: int = Field(0, ge=0, le=2**63 - 1)
    """``next`` of the answer before: names of one content, and so the answer, may be any number."""


class KnownHash(Message):
    sha256: str
    photo_ids: list[int]
    file_names: list[str]


class KnownHashes(Message):
    known: list[KnownHash]


class PrecheckPage(KnownHashes):
    """A content that more photos have than fit here comes again on the next page, with the others."""

    next: int | None = None


class AdoptPhoto(UserRequest):
    """A further photo of bytes that this user has stored already: nothing is sent twice."""

    file_name: FileName
    sha256: Sha256


class RegisterPhoto(AdoptPhoto):
    """A photo whose bytes lie at ``user-{id}/originals/{sha256}``, hashed while they were stored."""

    md5: Md5
    mime_type: str
    size_bytes: int = Field(ge=1)


class PhotoError(Message):
    code: str
    message: str


class Place(Message):
    """The town next to where a photo was taken. Names are as GeoNames and the CLDR have them in English."""

    town: str
    region: str | None
    """The state, where it is known: in the United States."""
    country: str
    country_code: str
    """ISO 3166-1, two letters."""


class Photo(Message):
    id: int
    file_name: str
    file_size: int
    mime_type: str
    sha256: str
    md5: str
    perceptual_hash: str | None
    status: UploadStatus
    error: PhotoError | None
    width: int | None
    height: int | None
    created_date: date | None
    """Day the photo was taken, as the camera says it."""
    taken_at: LocalTime | None
    """The same with the time of day, in the camera's own time."""
    camera_model: str | None
    latitude: float | None
    longitude: float | None
    place: Place | None = None
    is_favourite: bool = False
    has_duplicates: bool
    duplicate_count: int
    quality_score: float | None
    thumbnail_url: str
    uploaded_at: datetime
    processed_at: datetime | None


class RegisteredPhoto(Message):
    photo: Photo
    created: bool
    """False when this user had this very file under this very name already."""


class PhotoFilters(Message):
    """Which photos; what is left out filters nothing."""

    date_from: date | None = None
    """Taken on this day or later. A photo without a date is in no range of dates."""
    date_to: date | None = None
    """Taken on this day or earlier."""
    album_id: PhotoId | None = None
    min_quality: float | None = Field(None, ge=0, le=1)
    max_quality: float | None = Field(None, ge=0, le=1)
    media_type: MediaType | None = None
    """photo, video, or the beginning of a MIME type, as image/heic."""
    camera: SearchText | None = None
    """A part of the camera's name."""
    has_duplicates: bool | None = None
    favourite: bool | None = None
    status: UploadStatus | None = None
    q: SearchText | None = None
    """Words, each of which must be a part of the file's or the camera's name, or a word of the place's name."""


class ListPhotos(PhotoFilters, Page):
    sort_by: SortField = "createdDate"
    sort_order: Literal["asc", "desc"] = "desc"
    cursor: cursors.Text | None = None
    """``next_cursor`` of the page before; then ``page`` means nothing."""
    album_photo_ids: list[int] | None = Field(None, max_length=50_000)
    """What is in the album, told by who asked the albums service."""


class PhotoPage(Message):
    photos: list[Photo]
    total: int | None
    """None with a cursor: counting would cost more the more there are."""
    next_cursor: str | None = None
    """None at the end."""


class PhotoName(Message):
    id: int
    file_name: str
    file_size: int


class PhotoNames(Message):
    """Those of the asked ids that are this user's and not deleted."""

    photos: list[PhotoName]


class Photos(Message):
    """Those of the asked ids that are this user's and neither deleted nor in the trash, in the order asked for."""

    photos: list[Photo]


class Job(Message):
    """A step of a photo. It is ``processing`` from ``started_at`` on, as its worker said: a word that may get lost, and
    then it stays ``queued`` until its end, which says when it began. All of it starts anew when the step is wanted again.
    """

    id: int
    photo_id: int
    job_type: JobType
    status: JobStatus
    retry_count: int
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class JobRequest(UserRequest):
    job_id: PhotoId


class ListJobs(Page):
    photo_id: PhotoId | None = None
    status: JobStatus | None = None


class JobPage(Message):
    jobs: list[Job]
    total: int


class Progress(Message):
    """How many of the user's photos are where; ``stored`` counts distinct originals."""

    photos: int
    stored: int
    processed: int
    failed: int
    pending: int


# --- renditions -------------------------------------------------------------------------------------------------


class LocateRendition(PhotoRequest):
    side: Literal[200, 400, 1200] = 200
