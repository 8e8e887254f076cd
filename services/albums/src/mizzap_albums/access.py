"""Who may do what with an album. A stranger can't tell an album from one that never was."""

from dataclasses import dataclass

from mizzap_common.contracts import albums
from mizzap_common.contracts.albums import AlbumRole
from mizzap_common.errors import Forbidden, NotFound, PreconditionFailed
from sqlalchemy.ext.asyncio import AsyncSession

from mizzap_albums import repository
from mizzap_albums.models import AlbumRow


def no_such_album() -> NotFound:
    return NotFound("There is no such album.")


def no_such_photo(photo_id: int) -> NotFound:
    return NotFound("There is no such photo in this album.", photoId=photo_id)


@dataclass(frozen=True)
class Opened:
    """An album that is locked until the transaction ends, and what the asker is in it until then."""

    album: AlbumRow
    role: AlbumRole

    def needs_owner(self) -> None:
        """Raises Forbidden."""
        _needs_owner(self.role)

    def needs_contributor(self) -> None:
        """Raises Forbidden."""
        needs_contributor(self.role)

    def needs_version(self, if_match: str | None) -> None:
        """``if_match`` is the header as RFC 9110, 13.1.1, has it. Raises PreconditionFailed."""
        if if_match is None:
            return
        tags = {tag.strip() for tag in if_match.split(",")}
        if not tags & {"*", albums.album_etag(self.album.version, self.role)}:
            message = "The album was changed in the meantime. Please look at it again."
            raise PreconditionFailed(message, version=self.album.version)


async def see(session: AsyncSession, request: albums.AlbumRequest) -> AlbumRole:
    """What the asker is in the album. Raises NotFound for strangers."""
    role = await repository.role(session, request.user_id, request.album_id)
    if role is None:
        raise no_such_album()
    return role


async def see_as_owner(session: AsyncSession, request: albums.AlbumRequest) -> None:
    """Raises NotFound for strangers, Forbidden for family."""
    _needs_owner(await see(session, request))


async def open_locked(session: AsyncSession, request: albums.AlbumRequest) -> Opened:
    """Raises NotFound for strangers."""
    album = await repository.lock(session, request.user_id, request.album_id)
    if album is None:
        raise no_such_album()
    # asked under the lock: the sharing may have ended while we waited for it
    return Opened(album, await see(session, request))


def needs_contributor(role: AlbumRole) -> None:
    """Raises Forbidden."""
    if role == "viewer":
        raise Forbidden("You may look at this album, but not add photos to it.", code="VIEWER_ONLY")


def _needs_owner(role: AlbumRole) -> None:
    if role != "owner":
        raise Forbidden("Only the album's owner can do this.", code="NOT_THE_OWNER")
