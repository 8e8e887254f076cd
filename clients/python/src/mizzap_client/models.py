"""What the API answers with. Unknown fields are ignored: a newer server may say more."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Lane = Literal["exact", "pixel", "near", "similar"]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class User(Model):
    id: int
    email: str
    username: str | None = None
    full_name: str | None = None


class Session(Model):
    user: User
    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds that the access token is good for."""


class Problem(Model):
    """Why a file or a request was refused."""

    code: str
    message: str
    details: dict[str, Any] = {}


class Photo(Model):
    id: int
    file_name: str
    file_size: int
    mime_type: str
    sha256: str
    status: Literal["pending", "uploaded", "processed", "failed"]
    error: Problem | None = None
    width: int | None = None
    height: int | None = None
    created_date: date | None = None
    taken_at: datetime | None = None
    camera_model: str | None = None
    has_duplicates: bool = False
    duplicate_count: int = 0
    quality_score: float | None = None


class UploadResult(Model):
    file_name: str
    status: Literal["stored", "known", "failed"]
    photo: Photo | None = None
    error: Problem | None = None


class Adopted(Model):
    photo: Photo
    created: bool


class KnownHash(Model):
    sha256: str
    photo_ids: list[int]
    file_names: list[str]


class KnownHashes(Model):
    known: list[KnownHash]


class PhotoName(Model):
    id: int
    file_name: str


class Duplicate(Model):
    id: int
    primary_photo_id: int
    duplicate_photo_id: int
    lane: Lane
    match_type: str
    similarity_score: float
    reasons: list[str]
    action: str
    primary_photo: PhotoName | None = None
    duplicate_photo: PhotoName | None = None


class DuplicateStats(Model):
    total_duplicates: int
    space_to_free: str
    space_to_free_bytes: int
    duplicate_percentage: float


class Group(Model):
    lane: Lane
    keeper: int
    members: list[int]
    """Photo ids, the keeper first."""
    reasons: list[str]


class Moment(Model):
    photo_id: int
    score: float
    reasons: list[str]
    pinned: bool = False


class CuratedSet(Model):
    id: int | None
    status: str
    moments: list[Moment]
    photos: int
    up_to_date: bool


class Job(Model):
    id: int
    photo_id: int
    job_type: str
    status: str
    retry_count: int
    error_message: str | None = None


class Progress(Model):
    """How many of the user's photos are where; ``stored`` counts distinct originals.

    ``renditions`` is None while the server can't count them.
    """

    photos: int
    stored: int
    processed: int
    failed: int
    pending: int
    renditions: int | None = None


class EmbeddingModel(Model):
    """The model that makes the vectors; both None while the server has none."""

    id: str | None
    dimensions: int | None


class Pagination(Model):
    page: int
    limit: int
    total: int
    has_more: bool


class Event(Model):
    """A hint that something happened; may come twice, with the same id."""

    event: str
    id: str = ""
    data: dict[str, Any] = {}
