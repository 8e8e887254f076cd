"""Requests and answers around albums: what they are, what is in them, in which order, and who else sees it."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from mizzap_common.contracts.library import Page, PhotoId, UserRequest
from mizzap_common.contracts.message import Message, Request

ShareVisibility = Literal["family", "private"]
"""``family``: all members of the family see the album. ``private``: it is meant for them, but only its owner sees it yet."""

MAX_WHOLE_ORDER = 1_000
MAX_MOVES = 100


class AlbumRequest(UserRequest):
    album_id: PhotoId


AlbumName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
AlbumDescription = Annotated[str, StringConstraints(max_length=1_000)]
"""A page of albums, others' among them, must fit into one answer over the broker, 1 MiB, whatever they wrote."""


class CreateAlbum(UserRequest):
    name: AlbumName
    description: AlbumDescription | None = None


class UpdateAlbum(AlbumRequest):
    """A field that is left out stays as it is; an empty description takes it away."""

    name: AlbumName | None = None
    description: AlbumDescription | None = None
    cover_photo_id: PhotoId | None = None
    clear_cover: bool = False
    """The first photo is the cover again, whichever it is."""
    if_match: str | None = Field(None, max_length=1000)
    """As the header: the change is refused when the album is another one than the asker knew."""


class AddToAlbum(AlbumRequest):
    photo_ids: list[PhotoId] = Field(min_length=1, max_length=500)


class RemoveFromAlbum(AlbumRequest):
    photo_id: PhotoId


class ListAlbums(Page):
    shared: bool | None = None
    """Only those that others see too, own and theirs, or only those that nobody else sees."""


AlbumRole = Literal["owner", "member", "viewer"]
"""What the asker is in an album: a viewer looks, a member adds and takes out own photos too, the owner does everything."""


def album_etag(version: int, role: AlbumRole) -> str:
    """Of what one asker sees: who becomes a viewer sees another album, though its version is the same."""
    return f'"{version}-{role}"'


class Album(Message):
    id: int
    owner_id: int
    role: AlbumRole
    name: str
    description: str | None
    cover_photo_id: int | None
    visibility: Literal["private", "shared"]
    photo_count: int
    version: int
    """Rises with every change of the album."""
    created_at: datetime
    updated_at: datetime

    @property
    def etag(self) -> str:
        return album_etag(self.version, self.role)


class AddedToAlbum(Album):
    added: list[int]
    """Those of the photos that were not in it before."""


class AlbumWithPhotos(Album):
    photo_ids: list[int]
    """In the album's order."""


class AlbumPage(Message):
    albums: list[Album]
    total: int


# --- what is in one, and for whom -------------------------------------------------------------------------------------


class DeleteAlbum(AlbumRequest):
    if_match: str | None = Field(None, max_length=1000)


class RemoveManyFromAlbum(AlbumRequest):
    photo_ids: list[PhotoId] = Field(min_length=1, max_length=500)


class Move(Request):
    """Puts a photo right behind another one, or with ``after: null`` in front of all."""

    photo_id: PhotoId
    after: PhotoId | None

    @model_validator(mode="after")
    def _behind_another(self) -> Self:
        if self.after == self.photo_id:
            raise ValueError("A photo can't stand behind itself")
        return self


class Order(Request):
    """Either ``moves``, done one after the other, for albums of any size; or ``photo_ids``, all of a small album's."""

    photo_ids: list[PhotoId] | None = Field(None, max_length=MAX_WHOLE_ORDER)
    moves: list[Move] | None = Field(None, min_length=1, max_length=MAX_MOVES)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.photo_ids is None) == (self.moves is None):
            raise ValueError("Give either photoIds or moves")
        return self


class OrderAlbum(AlbumRequest, Order):
    if_match: str | None = Field(None, max_length=1000)


class ListAlbumPhotos(AlbumRequest):
    page: int = Field(1, ge=1, le=1_000_000)
    limit: int = Field(20, ge=1, le=100)


class AlbumPhoto(Message):
    photo_id: int
    owner_id: int
    """Whose photo it is: in a shared album not always the album's owner's."""
    added_at: datetime


class AlbumPhotoPage(Message):
    photos: list[AlbumPhoto]
    """In the album's order."""
    total: int


class LocateAlbumPhoto(AlbumRequest):
    photo_id: PhotoId


class LocatedPhoto(Message):
    owner_id: int
    original: bool
    """Whether the asker may have the original too, with everything that the camera wrote into it."""


class ShareAlbum(AlbumRequest):
    family_id: PhotoId
    visibility: ShareVisibility = "family"
    originals: bool = False


class UnshareAlbum(AlbumRequest):
    family_id: PhotoId


class Share(Message):
    family_id: int
    visibility: ShareVisibility
    originals: bool
    """Members may download originals. They hold what the camera wrote into them, as the place, which the album hides."""
    created_at: datetime


class PutShare(Message):
    share: Share
    created: bool
    """False when the album was shared with this family before."""


class Shares(Message):
    shares: list[Share]
