"""What is kept of what a photo says of itself, and what it is found by."""

from collections.abc import Mapping

from mizzap_common.contracts import events
from mizzap_common.imaging.metadata import PhotoMetadata
from mizzap_common.sealed import KeyRing
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_photos import locations, repository
from mizzap_photos.towns import Found, towns
from mizzap_photos.words import searchable


async def take_down(
    session: AsyncSession, ring: KeyRing, event: events.PhotoUploaded, found: PhotoMetadata
) -> Mapping[str, object]:
    """Has the photo found by its place. Returns the values for its row; none when it is gone."""
    row = await repository.get(session, event.user_id, event.photo_id, lock=True)
    if row is None:
        return {}
    location, town = _location(ring, event.photo_id, found)
    terms = town.terms if town else ()
    await repository.put_place(session, event.user_id, event.photo_id, locations.tokens(ring, event.user_id, terms))
    camera = _camera(found)
    return {
        "width": found.width,
        "height": found.height,
        # an edited copy often has only the time of its last change: better than none to sort by
        "created_date": found.taken_at or found.changed_at,
        "camera_model": camera,
        "location": location,
        "place": locations.seal_place(ring, event.photo_id, town.place) if town else None,
        "search_text": searchable(row.file_name, camera),
    }


def _location(ring: KeyRing, photo_id: int, found: PhotoMetadata) -> tuple[bytes | None, Found | None]:
    if found.latitude is None or found.longitude is None:
        return None, None
    sealed = locations.seal(ring, photo_id, found.latitude, found.longitude)
    return sealed, towns().nearest(found.latitude, found.longitude)


def _camera(found: PhotoMetadata) -> str | None:
    """Maker and model in one, without the maker twice: "Canon EOS 70D", not "Canon Canon EOS 70D"."""
    make, model = found.camera_make or "", found.camera_model or ""
    if not model or model.lower().startswith(make.lower()):
        return model or make or None
    return f"{make} {model}".strip()
