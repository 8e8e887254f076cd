"""Duplicate groups out of pairs."""

from __future__ import annotations

from collections.abc import Iterable


class Groups:
    """Which photos are copies of one picture: everything that pairs connect, directly or through others.

    For showing only one of several this may connect generously; nothing is ever deleted because of it.
    """

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        """`pairs` are (keeper, duplicate) photo ids."""
        self._parents: dict[int, int] = {}
        self._sizes: dict[int, int] = {}
        self._duplicates: set[int] = set()
        for keeper, duplicate in pairs:
            self._duplicates.add(duplicate)
            first, second = sorted((self.of(keeper), self.of(duplicate)))
            if first != second:
                self._parents[second] = first
                self._sizes[first] = self._sizes.get(first, 1) + self._sizes.get(second, 1)

    def of(self, photo_id: int) -> int:
        """The group of a photo: the lowest photo id in it, a photo without copies being a group of its own."""
        root = photo_id
        while (parent := self._parents.get(root)) is not None:
            root = parent
        while photo_id != root:
            self._parents[photo_id], photo_id = root, self._parents[photo_id]
        return root

    def size(self, photo_id: int) -> int:
        """How many copies of the picture there are, the photo itself among them."""
        return self._sizes.get(self.of(photo_id), 1)

    def is_duplicate(self, photo_id: int) -> bool:
        """Whether another photo is the keeper of the two in some pair."""
        return photo_id in self._duplicates
