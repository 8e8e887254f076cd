"""What all gateways share in the broker, by name: counters, answers to requests that may come again, and tickets.

The streams are made in ``streams.py``; who may touch them is said in ``permissions.py``.
"""

from dataclasses import dataclass

OWNER = "gateway"
"""The service that declares and uses them, and the only one that may."""
COUNTER_WINDOWS = (60, 3600)
"""Lengths in seconds of the windows that requests are counted in."""


def counter_stream(window: int) -> str:
    return f"COUNTERS_{window}"


def counter_subject(window: int) -> str:
    """What a counter's subject begins with, for windows of so many seconds."""
    return f"counter.{window}"


@dataclass(frozen=True)
class Bucket:
    """A key-value bucket, named as NATS' clients do it."""

    name: str
    max_age: int
    """Seconds after which a value is gone."""
    direct: bool
    """Whether any replica may be asked for a value; else the leader alone is, who never has an old one."""

    @property
    def stream(self) -> str:
        return f"KV_{self.name}"

    @property
    def prefix(self) -> str:
        """What the subject of each of its keys begins with."""
        return f"$KV.{self.name}."


ANSWERS = Bucket("answers", max_age=86_400, direct=True)
TICKETS = Bucket("tickets", max_age=30, direct=False)
