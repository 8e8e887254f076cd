"""Requests and answers around duplicates and the embedding model."""

from datetime import datetime

from pydantic import Field

from mizzap_common.contracts.events import DuplicateAction, Lane, MatchType
from mizzap_common.contracts.library import Page, PhotoId, UserRequest
from mizzap_common.contracts.message import Message, Request


class ListDuplicates(Page):
    action: DuplicateAction | None = None


class ListGroups(Page):
    pass


class Duplicate(Message):
    """One pair: the suggested keeper and a photo that it could stand for."""

    id: int
    primary_photo_id: int
    duplicate_photo_id: int
    lane: Lane
    match_type: MatchType
    similarity_score: float
    reasons: list[str]
    """Sentences for a person: why the two are thought the same."""
    action: DuplicateAction
    action_date: datetime | None
    created_at: datetime


class DuplicatePage(Message):
    duplicates: list[Duplicate]
    total: int


class Group(Message):
    """A keeper and its pending or confirmed duplicates; every member matches the keeper itself, never by a chain."""

    lane: Lane
    """The weakest lane among the pairs: what must be believed for the whole group to be one photo."""
    keeper: int
    members: list[int]
    """Photo ids, the keeper first."""
    reasons: list[str]
    """Why this one is the keeper, and what ties each member to it."""


class GroupPage(Message):
    groups: list[Group]
    total: int


class DuplicateStats(Message):
    total_duplicates: int
    space_to_free: str
    """For a person, in decimal units: "15.2 GB"."""
    space_to_free_bytes: int
    duplicate_percentage: float
    """Pending and confirmed duplicates among the user's fingerprinted photos, 0 to 100."""


class ActOnDuplicate(UserRequest):
    duplicate_id: PhotoId
    action: DuplicateAction


class ModelRequest(Request):
    pass


class Model(Message):
    """The embedding model in use; both None when there is none and the similar lane sleeps."""

    id: str | None
    dimensions: int | None


class EmbeddingsRequest(UserRequest):
    photo_ids: list[PhotoId] = Field(max_length=100)
    """At most 100: an answer must fit into one message of the broker, 1 MiB."""


class Embedding(Message):
    photo_id: int
    vector: str
    """Base64 of little-endian float32, normalised to length 1."""


class Embeddings(Message):
    model: Model
    embeddings: list[Embedding]
    """Of those asked photos that have one."""
