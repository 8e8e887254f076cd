"""How much goes into one answer between services: the broker takes messages of up to 1 MiB."""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

ANSWER_BYTES = 512 * 1024
"""Half of it, so that what stands around the list has room too, and one thing more than planned."""


def fitting(things: Iterable[T], size_of: Callable[[T], int], most: int) -> list[T]:
    """As many of them, from the first on, as fit into ``most`` bytes; one at least, if there is any."""
    taken: list[T] = []
    size = 0
    for thing in things:
        size += size_of(thing)
        if taken and size > most:
            break
        taken.append(thing)
    return taken
