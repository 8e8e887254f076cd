"""How much goes into one answer between services: the broker takes messages of up to 1 MiB."""

from collections.abc import Iterable
from typing import TypeVar

from mizzap_common.contracts.message import Message

M = TypeVar("M", bound=Message)

ANSWER_BYTES = 512 * 1024
"""Half of it, so that what stands around the list has room too, and one thing more than planned."""


def fitting(things: Iterable[M]) -> list[M]:
    """As many of them, from the first on, as fit into one answer; one at least, if there is any."""
    shown: list[M] = []
    size = 0
    for thing in things:
        size += len(thing.to_json())
        if shown and size > ANSWER_BYTES:
            break
        shown.append(thing)
    return shown
