"""A photo's steps: which service does each, and what it says when it begins one: a hint, over plain NATS.

Nothing rests on the hint, as nobody keeps it: that a step is done, and when it began, is told by the events that end it.
It holds the ids of a user and a photo and nothing else.
"""

from datetime import datetime
from typing import Any, NamedTuple

from mizzap_common.contracts import events, library

WORKERS: dict[library.JobType, str] = {
    "metadata_extract": "photos",
    "thumbnail": "thumbs",
    "dedup": "dedup",
    "ai_score": "curation",
}
"""Whose step it is: the service whose durables on the events that want it do it."""
STEP_OF: dict[str, library.JobType] = {worker: step for step, worker in WORKERS.items()}
HEARD_BY = "photos"


class Start(NamedTuple):
    """A photo's step that has begun."""

    user_id: int
    photo_id: int
    step: library.JobType


def ending(photo: events.PhotoEvent, began_at: datetime) -> dict[str, Any]:
    """What every event that ends a step of the photo says."""
    return {"user_id": photo.user_id, "photo_id": photo.photo_id, "began_at": began_at}


def subject(service: str, user_id: int) -> str:
    return f"started.{service}.{user_id}"


def subjects(service: str = "*") -> str:
    """All that one service says, or all that any does."""
    return f"started.{service}.*"


def body(photo_id: int) -> bytes:
    return str(photo_id).encode()


def read(said: str, data: bytes) -> Start:
    """What a hint's subject and body say. The step is its worker's, who can speak for no other."""
    _, service, user_id = said.split(".")
    return Start(int(user_id), int(data), STEP_OF[service])
