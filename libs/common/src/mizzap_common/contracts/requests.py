"""Every question and command between services: one line a method, under the service that answers it.

The subject is ``rpc.<service>.<name>``. Each request of a user's carries ``user_id``, taken by the gateway from the
verified token and from nowhere else.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from mizzap_common.contracts import (
    accounts,
    albums,
    audit,
    consents,
    curating,
    duplicating,
    erasing,
    exporting,
    families,
    feed,
    keeping,
    library,
    ordering,
)
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
    askers: tuple[str, ...] = ("gateway",)
    """Which services may ask; the broker lets nobody else."""

    @property
    def subject(self) -> str:
        return f"rpc.{self.service}.{self.name}"


# fmt: off
AUTH_REGISTER        = Method("auth", "register", accounts.Register, accounts.Session, timeout=20)
AUTH_LOGIN           = Method("auth", "login", accounts.Login, accounts.Session, timeout=20)
AUTH_REFRESH         = Method("auth", "refresh", accounts.Refresh, accounts.Session)
AUTH_ME              = Method("auth", "me", accounts.UserRequest, accounts.User)
AUTH_UPDATE_PROFILE  = Method("auth", "update_profile", accounts.UpdateProfile, accounts.User)
AUTH_CHANGE_PASSWORD = Method("auth", "change_password", accounts.ChangePassword, accounts.EndedSessions, timeout=20)
AUTH_SESSION         = Method("auth", "session", accounts.SessionRequest, accounts.SessionState)
AUTH_SESSIONS        = Method("auth", "sessions", accounts.ListSessions, accounts.SessionPage)
AUTH_END_SESSION     = Method("auth", "end_session", accounts.SessionRequest, accounts.EndedSessions)
AUTH_END_OTHERS      = Method("auth", "end_other_sessions", accounts.SessionRequest, accounts.EndedSessions)
AUTH_KEYS            = Method("auth", "keys", accounts.KeysRequest, accounts.Keys)
AUTH_CONSENTS        = Method("auth", "consents", library.UserRequest, consents.Consents)
AUTH_CHANGE_CONSENT  = Method("auth", "change_consent", consents.ChangeConsent, consents.Consent)
AUTH_AUDIT           = Method("auth", "audit", audit.ListAudit, audit.AuditPage)
AUTH_CREATE_FAMILY   = Method("auth", "create_family", families.CreateFamily, families.FamilyWithMembers)
AUTH_FAMILIES        = Method("auth", "families", library.UserRequest, families.Families)
AUTH_FAMILY          = Method("auth", "family", families.FamilyRequest, families.FamilyWithMembers)
AUTH_RENAME_FAMILY   = Method("auth", "rename_family", families.RenameFamily, families.FamilyWithMembers)
AUTH_DELETE_FAMILY   = Method("auth", "delete_family", families.FamilyRequest, library.Done)
AUTH_INVITE          = Method("auth", "invite", families.Invite, families.NewInvitation)
AUTH_INVITATIONS     = Method("auth", "invitations", families.FamilyRequest, families.Invitations)
AUTH_WITHDRAW_INVITATION = Method("auth", "withdraw_invitation", families.InvitationRequest, library.Done)
AUTH_ACCEPT          = Method("auth", "accept", families.AcceptInvitation, families.FamilyWithMembers)
AUTH_CHANGE_ROLE     = Method("auth", "change_role", families.ChangeRole, families.FamilyWithMembers)
AUTH_REMOVE_MEMBER   = Method("auth", "remove_member", families.MemberRequest, library.Done)

PHOTOS_PRECHECK      = Method("photos", "precheck", library.Precheck, library.PrecheckPage)
PHOTOS_REGISTER      = Method("photos", "register", library.RegisterPhoto, library.RegisteredPhoto)
PHOTOS_ADOPT         = Method("photos", "adopt", library.AdoptPhoto, library.RegisteredPhoto)
PHOTOS_LIST          = Method("photos", "list", library.ListPhotos, library.PhotoPage)
PHOTOS_GET           = Method("photos", "get", library.PhotoRequest, library.Photo)
PHOTOS_MANY          = Method("photos", "many", library.PhotosRequest, library.Photos)
PHOTOS_DELETE        = Method("photos", "delete", keeping.DeletePhoto, library.Done)
PHOTOS_NAMES         = Method("photos", "names", library.PhotosRequest, library.PhotoNames, askers=("gateway", "albums", "curation"))
PHOTOS_RESTORE       = Method("photos", "restore", library.PhotoRequest, library.Photo)
PHOTOS_TRASH         = Method("photos", "trash", keeping.ListTrash, keeping.TrashPage)
PHOTOS_BATCH         = Method("photos", "batch", keeping.BatchAction, keeping.BatchResults, timeout=30)
PHOTOS_FAVOURITE     = Method("photos", "favourite", keeping.SetFavourite, library.Photo)
PHOTOS_ROOM          = Method("photos", "room", keeping.RoomRequest, keeping.Room)
PHOTOS_USAGE         = Method("photos", "usage", library.UserRequest, keeping.Usage)
PHOTOS_KEEP_TRASH    = Method("photos", "keep_trash", keeping.KeepTrash, keeping.Usage)
PHOTOS_ORIGINAL      = Method("photos", "original", library.PhotoRequest, library.StoredObject)
PHOTOS_CHANGES       = Method("photos", "changes", feed.ChangesRequest, feed.ChangesPage)
PHOTOS_JOBS          = Method("photos", "jobs", library.ListJobs, library.JobPage)
PHOTOS_RETRY_JOB     = Method("photos", "retry_job", library.JobRequest, library.Job)
PHOTOS_PROGRESS      = Method("photos", "progress", library.UserRequest, library.Progress)

THUMBS_LOCATE        = Method("thumbs", "locate", library.LocateRendition, library.StoredObject)
THUMBS_COUNT         = Method("thumbs", "count", library.UserRequest, library.Count)

ALBUMS_CREATE        = Method("albums", "create", albums.CreateAlbum, albums.Album)
ALBUMS_LIST          = Method("albums", "list", albums.ListAlbums, albums.AlbumPage)
ALBUMS_GET           = Method("albums", "get", albums.AlbumRequest, albums.AlbumWithPhotos)
ALBUMS_UPDATE        = Method("albums", "update", albums.UpdateAlbum, albums.Album)
ALBUMS_DELETE        = Method("albums", "delete", albums.DeleteAlbum, library.Done)
ALBUMS_ADD           = Method("albums", "add", albums.AddToAlbum, albums.AddedToAlbum)
ALBUMS_REMOVE        = Method("albums", "remove", albums.RemoveFromAlbum, albums.Album)
ALBUMS_REMOVE_MANY   = Method("albums", "remove_many", albums.RemoveManyFromAlbum, albums.Album)
ALBUMS_ORDER         = Method("albums", "order", albums.OrderAlbum, albums.Album)
ALBUMS_PHOTOS        = Method("albums", "photos", albums.ListAlbumPhotos, albums.AlbumPhotoPage)
ALBUMS_LOCATE        = Method("albums", "locate", albums.LocateAlbumPhoto, albums.LocatedPhoto)
ALBUMS_SHARE         = Method("albums", "share", albums.ShareAlbum, albums.PutShare)
ALBUMS_SHARES        = Method("albums", "shares", albums.AlbumRequest, albums.Shares)
ALBUMS_UNSHARE       = Method("albums", "unshare", albums.UnshareAlbum, library.Done)
ALBUMS_CHANGES       = Method("albums", "changes", feed.ChangesRequest, feed.ChangesPage)

DEDUP_LIST           = Method("dedup", "list", duplicating.ListDuplicates, duplicating.DuplicatePage)
DEDUP_GROUPS         = Method("dedup", "groups", duplicating.ListGroups, duplicating.GroupPage)
DEDUP_STATS          = Method("dedup", "stats", library.UserRequest, duplicating.DuplicateStats)
DEDUP_ACT            = Method("dedup", "act", duplicating.ActOnDuplicate, duplicating.Duplicate)
DEDUP_EMBEDDINGS     = Method("dedup", "embeddings", duplicating.EmbeddingsRequest, duplicating.Embeddings, askers=("curation",))
DEDUP_ACT_ON_MANY    = Method("dedup", "act_on_many", duplicating.ActOnDuplicates, duplicating.BulkOutcome, timeout=30)
DEDUP_UNDO           = Method("dedup", "undo", duplicating.DuplicateRequest, duplicating.Duplicate)
DEDUP_UNDO_BULK      = Method("dedup", "undo_bulk", duplicating.UndoBulkAction, duplicating.BulkOutcome, timeout=30)
DEDUP_SIMILAR        = Method("dedup", "similar", duplicating.SearchSimilar, duplicating.Ranking)
DEDUP_SEARCH_TEXT    = Method("dedup", "search_text", duplicating.SearchByText, duplicating.Ranking)
DEDUP_CHANGES        = Method("dedup", "changes", feed.ChangesRequest, feed.ChangesPage)
DEDUP_MODEL          = Method("dedup", "model", duplicating.ModelRequest, duplicating.Model)

CURATION_MOMENTS     = Method("curation", "moments", library.UserRequest, curating.CuratedSet)
CURATION_CONFIRM     = Method("curation", "confirm", library.UserRequest, curating.CuratedSet)
CURATION_CHANGE      = Method("curation", "change", curating.ChangeMoments, curating.CuratedSet)
CURATION_CHANGES     = Method("curation", "changes", feed.ChangesRequest, feed.ChangesPage)
CURATION_ORDER_FILM  = Method("curation", "order_film", ordering.OrderFilm, ordering.Order)
CURATION_ORDER_RETOUCH = Method("curation", "order_retouch", ordering.OrderRetouch, ordering.Order)
CURATION_INTEGRATIONS = Method("curation", "integrations", ordering.ListOrders, ordering.Integrations)
CURATION_ORDER       = Method("curation", "order", ordering.OrderRequest, ordering.Order)
CURATION_CANCEL_ORDER = Method("curation", "cancel_order", ordering.OrderRequest, ordering.Order)
CURATION_CALLBACK    = Method("curation", "callback", ordering.Callback, ordering.CallbackTaken)
CURATION_SHARED_FILE = Method("curation", "shared_file", ordering.SharedFileRequest, ordering.SharedFile)

AUTH_CLOSE_ACCOUNT   = Method("auth", "close_account", erasing.CloseAccount, erasing.AccountClosed, timeout=20)
AUTH_EXPORT_BEGIN    = Method("auth", "export_begin", library.UserRequest, exporting.Export)
AUTH_EXPORTS         = Method("auth", "exports", library.UserRequest, exporting.Exports)
AUTH_EXPORT_GET      = Method("auth", "export_get", exporting.ExportRequest, exporting.Export)
AUTH_EXPORT_DELETE   = Method("auth", "export_delete", exporting.ExportRequest, library.Done)
AUTH_EXPORT_OPEN     = Method("auth", "export_open", exporting.OpenExport, library.StoredObject)

AUTH_EXPORT          = Method("auth", "export", exporting.ExportPageRequest, exporting.ExportPage, askers=("auth",))
PHOTOS_EXPORT        = Method("photos", "export", exporting.ExportPageRequest, exporting.ExportPage, askers=("auth",))
ALBUMS_EXPORT        = Method("albums", "export", exporting.ExportPageRequest, exporting.ExportPage, askers=("auth",))
DEDUP_EXPORT         = Method("dedup", "export", exporting.ExportPageRequest, exporting.ExportPage, askers=("auth",))
CURATION_EXPORT      = Method("curation", "export", exporting.ExportPageRequest, exporting.ExportPage, askers=("auth",))
# fmt: on

METHODS: tuple[Method[Request, Message], ...] = tuple(v for v in list(globals().values()) if isinstance(v, Method))


def answered_by(service: str) -> tuple[Method[Request, Message], ...]:
    return tuple(method for method in METHODS if method.service == service)
