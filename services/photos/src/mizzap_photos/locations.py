"""Where photos were taken: sealed in the database, found again by a blind index."""

import json
from collections.abc import Iterable
from typing import Any

import structlog
from mizzap_common.contracts import library
from mizzap_common.sealed import KeyRing, SealBroken

from mizzap_photos.models import PhotoRow

log = structlog.get_logger(__name__)


def seal(ring: KeyRing, photo_id: int, latitude: float, longitude: float) -> bytes:
    return ring.seal(json.dumps({"latitude": latitude, "longitude": longitude}), _at(photo_id, "location"))


def seal_place(ring: KeyRing, photo_id: int, place: library.Place) -> bytes:
    return ring.seal(place.to_json().decode(), _at(photo_id, "place"))


def opened(ring: KeyRing, row: PhotoRow) -> dict[str, Any]:
    """latitude, longitude and place of a photo, as its answer shows them."""
    location = json.loads(_open(ring, row, "location") or "{}")
    place = _open(ring, row, "place")
    return {
        "latitude": location.get("latitude"),
        "longitude": location.get("longitude"),
        "place": library.Place.model_validate_json(place) if place else None,
    }


def sealed_anew(ring: KeyRing, row: PhotoRow) -> dict[str, bytes]:
    """The row's sealed values that are not sealed with the current key, sealed with it. Raises SealBroken."""
    anew = {}
    for column in ("location", "place"):
        sealed = getattr(row, column)
        if sealed is not None and not ring.is_current(sealed):
            place = _at(row.id, column)
            anew[column] = ring.seal(ring.open(sealed, place), place)
    return anew


def tokens(ring: KeyRing, user_id: int, terms: Iterable[str]) -> list[bytes]:
    """What terms look like in the index. Of two users' nobody can tell whether they are the same."""
    return [ring.index(term, _of(user_id)) for term in sorted(terms)]


def sought(ring: KeyRing, user_id: int, terms: Iterable[str]) -> list[bytes]:
    """What to look for in the index: the terms by each of the ring's index keys."""
    return [token for term in sorted(terms) for token in ring.indexes(term, _of(user_id))]


def _of(user_id: int) -> str:
    return f"place/{user_id}"


def _open(ring: KeyRing, row: PhotoRow, column: str) -> str | None:
    sealed = getattr(row, column)
    if sealed is None:
        return None
    try:
        return ring.open(sealed, _at(row.id, column))
    except SealBroken:
        # one bad value must not take the whole list away
        log.error("a sealed value can't be opened", photo_id=row.id, column=column)
        return None


def _at(photo_id: int | None, column: str) -> str:
    return f"photos/{photo_id}/{column}"
