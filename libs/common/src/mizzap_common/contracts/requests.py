"""Every question and command between services: one line a method, under the service that answers it.

The subject is ``rpc.<service>.<name>``. Each request of a user's carries ``user_id``, taken by the gateway from the
verified token and from nowhere else.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from mizzap_common.contracts import accounts, curating, duplicating, feed, library
from mizzap_common.contracts.message import Message, Request

Q = TypeVar("Q", bound=Request)
A = TypeVar("A", bound=Message)


@dataclass(frozen=True)
class Method(Generic[Q, A]):
    service: str
    name: str
    request: type[Q]
    answer: type[A]
    timeout: float = 10.0

    @property
    def subject(self) -> str:
        return f"rpc.{self.service}.{self.name}"


# fmt: off
AUTH_REGISTER        = Method("auth", "register", accounts.Register, accounts.Session, timeout=20)
AUTH_LOGIN           = Method("auth", "login", accounts.Login, accounts.Session, timeout=20)
AUTH_REFRESH         = Method("auth", "refresh", accounts.Refresh, accounts.Session)
AUTH_ME              = Method("auth", "me", accounts.UserRequest, accounts.User)
AUTH_KEYS            = Method("auth", "keys", accounts.KeysRequest, accounts.Keys)

PHOTOS_PRECHECK      = Method("photos", "precheck", library.Precheck, library.KnownHashes)
PHOTOS_REGISTER      = Method("photos", "register", library.RegisterPhoto, library.RegisteredPhoto)
PHOTOS_ADOPT         = Method("photos", "adopt", library.AdoptPhoto, library.RegisteredPhoto)
PHOTOS_LIST          = Method("photos", "list", library.ListPhotos, library.PhotoPage)
PHOTOS_GET           = Method("photos", "get", library.PhotoRequest, library.Photo)
PHOTOS_DELETE        = Method("photos", "delete", library.PhotoRequest, library.Done)
PHOTOS_NAMES         = Method("photos", "names", library.PhotosRequest, library.PhotoNames)
PHOTOS_ORIGINAL      = Method("photos", "original", library.PhotoRequest, library.StoredObject)
PHOTOS_CHANGES       = Method("photos", "changes", feed.ChangesRequest, feed.ChangesPage)
PHOTOS_JOBS          = Method("photos", "jobs", library.ListJobs, library.JobPage)
PHOTOS_PROGRESS      = Method("photos", "progress", library.UserRequest, library.Progress)

THUMBS_LOCATE        = Method("thumbs", "locate", library.LocateRendition, library.StoredObject)
THUMBS_COUNT         = Method("thumbs", "count", library.UserRequest, library.Count)

ALBUMS_CREATE        = Method("albums", "create", library.CreateAlbum, library.Album)
ALBUMS_LIST          = Method("albums", "list", library.ListAlbums, library.AlbumPage)
ALBUMS_GET           = Method("albums", "get", library.AlbumRequest, library.AlbumWithPhotos)
ALBUMS_UPDATE        = Method("albums", "update", library.UpdateAlbum, library.Album)
ALBUMS_DELETE        = Method("albums", "delete", library.AlbumRequest, library.Done)
ALBUMS_ADD           = Method("albums", "add", library.AddToAlbum, library.Album)
ALBUMS_REMOVE        = Method("albums", "remove", library.RemoveFromAlbum, library.Album)

DEDUP_LIST           = Method("dedup", "list", duplicating.ListDuplicates, duplicating.DuplicatePage)
DEDUP_GROUPS         = Method("dedup", "groups", duplicating.ListGroups, duplicating.GroupPage)
DEDUP_STATS          = Method("dedup", "stats", library.UserRequest, duplicating.DuplicateStats)
DEDUP_ACT            = Method("dedup", "act", duplicating.ActOnDuplicate, duplicating.Duplicate)
DEDUP_EMBEDDINGS     = Method("dedup", "embeddings", duplicating.EmbeddingsRequest, duplicating.Embeddings)
DEDUP_MODEL          = Method("dedup", "model", duplicating.ModelRequest, duplicating.Model)

CURATION_MOMENTS     = Method("curation", "moments", library.UserRequest, curating.CuratedSet)
CURATION_CONFIRM     = Method("curation", "confirm", library.UserRequest, curating.CuratedSet)
CURATION_CHANGE      = Method("curation", "change", curating.ChangeMoments, curating.CuratedSet)
# fmt: on

METHODS: tuple[Method[Request, Message], ...] = tuple(v for v in list(globals().values()) if isinstance(v, Method))


def answered_by(service: str) -> tuple[Method[Request, Message], ...]:
    return tuple(method for method in METHODS if method.service == service)
