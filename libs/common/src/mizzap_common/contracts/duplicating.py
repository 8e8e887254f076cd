"""Requests and answers around duplicates and the embedding model."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from mizzap_common.contracts.events import DuplicateAction, Lane, MatchType
from mizzap_common.contracts.library import Page, PhotoId, UserRequest
from mizzap_common.contracts.message import Message, Request

OpenAction = Literal["pending", "confirmed"]
"""What a pair that stands in a group can be: a rejected one is in none, nor is one of which both are kept."""


class ListDuplicates(Page):
    action: DuplicateAction | None = None
    lane: Lane | None = None


class ListGroups(Page):
    """``action``: groups of such pairs alone. ``lane``: groups whose weakest pair is of that lane."""

    action: OpenAction | None = None
    lane: Lane | None = None
    skip: int = Field(0, ge=0, le=100)
    """So many of the page the asker has already."""


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
    """Photo ids, the keeper first; of a very large group the first 500 duplicates alone."""
    member_count: int = 0
    """How many there are, the keeper and those that are not shown too."""
    reasons: list[str]
    """Why this one is the keeper, and what ties each member to it."""
    duplicate_ids: list[int] = Field([])
    """The pairs of the members shown, in the order of the members after the keeper: what to act on."""


class GroupPage(Message):
    groups: list[Group]
    total: int
    more: bool = False
    """The page has more than fits into one answer: ask again for what is behind these."""


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


class DuplicateRequest(UserRequest):
    duplicate_id: PhotoId


class GroupKeeper(Request):
    """Names a group: its keeper, and whether it is the one of candidates by likeness alone (lane "similar")."""

    photo_id: PhotoId
    similar: bool = False


class ActOnDuplicates(UserRequest):
    """The same word about many pairs: named one by one, or as a whole group."""

    ids: list[PhotoId] | None = Field(None, min_length=1, max_length=500)
    group_keeper: GroupKeeper | None = None
    action: DuplicateAction


class UndoBulkAction(UserRequest):
    bulk_action_id: UUID


class ActionResult(Message):
    id: int
    """Of the pair."""
    before: DuplicateAction
    action: DuplicateAction
    changed: bool
    """False when it said so already."""


class BulkOutcome(Message):
    """All of it happened, or nothing did."""

    bulk_action_id: UUID
    """To undo it as a whole."""
    results: list[ActionResult]
    """In the order asked for, each pair once; of a very large group the first 500 pairs alone."""
    count: int = 0
    """How many pairs it was about, those too that are not shown."""
    changed: int = 0
    """How many of them did not say so already."""


SearchText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class SearchByText(UserRequest):
    text: SearchText
    limit: int = Field(20, ge=1, le=100)


class SearchSimilar(UserRequest):
    photo_id: PhotoId
    limit: int = Field(20, ge=1, le=100)


class Hit(Message):
    photo_id: int
    score: float
    """Cosine of the two vectors, −1 to 1. What is high differs between models, and between photos and texts."""


class Ranking(Message):
    model_id: str
    hits: list[Hit]
    """The best first."""


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
