"""What the photos service refuses with in several places, in the same words."""

from mizzap_common.errors import Conflict, NotFound


def no_such_photo(photo_id: int) -> NotFound:
    """Somebody else's, in the trash, deleted, or never there: nobody can tell which."""
    return NotFound("There is no such photo.", photoId=photo_id)


def upload_again() -> Conflict:
    return Conflict("The upload got lost in between. Please send it again.", code="UPLOAD_AGAIN")
