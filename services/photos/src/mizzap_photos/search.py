"""Which photos a list's filters and search words choose, as SQL conditions."""

from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

from mizzap_common.contracts import library
from mizzap_common.errors import InvalidInput
from mizzap_common.sealed import KeyRing
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Select, SelectBase, any_, intersect, literal, select, union_all
from sqlmodel import col

from mizzap_photos import locations, repository
from mizzap_photos.models import PhotoPlaceRow, PhotoRow
from mizzap_photos.towns import town_term, towns
from mizzap_photos.words import asked, words

_MOST_WORDS = 10
_MEDIA = {"photo": "image/", "video": "video/"}


def chosen(ring: KeyRing, request: library.ListPhotos) -> list[ColumnElement[bool]]:
    """Raises InvalidInput for a range that ends before it begins, and for too many words."""
    _check_range("dateFrom", request.date_from, "dateTo", request.date_to)
    _check_range("minQuality", request.min_quality, "maxQuality", request.max_quality)
    return [*repository.visible(request.user_id), *_ranges(request), *_filters(request), *_found(ring, request)]


def _check_range(first: str, low: Any, last: str, high: Any) -> None:
    if low is not None and high is not None and low > high:
        raise InvalidInput(f"{first} must not be after or above {last}.", field=first)


def _ranges(request: library.ListPhotos) -> Iterator[ColumnElement[bool]]:
    day, quality = col(PhotoRow.created_date), col(PhotoRow.quality_score)
    if request.date_from is not None:
        yield day >= datetime.combine(request.date_from, time())
    if request.date_to is not None:
        yield day <= datetime.combine(request.date_to, time.max)
    if request.min_quality is not None:
        yield quality >= request.min_quality
    if request.max_quality is not None:
        yield quality <= request.max_quality


def _filters(request: library.ListPhotos) -> Iterator[ColumnElement[bool]]:
    if request.media_type is not None:
        begin = _MEDIA.get(request.media_type, request.media_type)
        yield col(PhotoRow.mime_type).startswith(begin, autoescape=True)
    if request.camera is not None:
        yield col(PhotoRow.camera_model).icontains(request.camera, autoescape=True)
    if request.has_duplicates is not None:
        yield col(PhotoRow.has_duplicates).is_(request.has_duplicates)
    if request.favourite is not None:
        yield col(PhotoRow.is_favourite).is_(request.favourite)
    if request.status is not None:
        yield col(PhotoRow.upload_status) == request.status
    if request.album_photo_ids is not None:
        # one array instead of a parameter a photo
        yield col(PhotoRow.id) == any_(literal(request.album_photo_ids, ARRAY(BigInteger)))


def _found(ring: KeyRing, request: library.ListPhotos) -> Iterator[ColumnElement[bool]]:
    asked_words = list(asked(request.q)) if request.q else []
    if len(asked_words) > _MOST_WORDS:
        raise InvalidInput(f"A search has {_MOST_WORDS} words at most.", field="q")
    for word in asked_words:
        yield col(PhotoRow.id).in_(_with_word(ring, request.user_id, word))


def _with_word(ring: KeyRing, user_id: int, word: str) -> SelectBase:
    """Ids of the photos with this word in a name or in the place's name."""
    # the word's two kinds of index are each asked on their own: in one condition PostgreSQL would use neither
    named = select(col(PhotoRow.id)).where(
        col(PhotoRow.user_id) == user_id, col(PhotoRow.search_text).contains(word, autoescape=True)
    )
    placed = [_taken_at(ring, user_id, part) for part in sorted(words(word))]
    return union_all(named, intersect(*placed) if len(placed) > 1 else placed[0]) if placed else named


def _taken_at(ring: KeyRing, user_id: int, word: str) -> Select[int]:
    terms = [word, *(town_term(town) for town in towns().named(word))]
    tokens = locations.sought(ring, user_id, terms)
    return select(col(PhotoPlaceRow.photo_id)).where(
        col(PhotoPlaceRow.user_id) == user_id, col(PhotoPlaceRow.token).in_(tokens)
    )
