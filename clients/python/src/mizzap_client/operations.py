"""Every operation of the interface: `await client.ask(get_photo(5))`, or without `await`.

Generated from `docs/openapi.json`; `make docs` writes it, `make check` holds it to the interface.
"""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from mizzap_client import schemas
from mizzap_client.operation import Operation


def register(
    body: schemas.RegisterBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerSessionAnswer]:
    """Creates an account and logs it in."""
    return Operation(
        "POST",
        "/auth/register",
        schemas.AnswerSessionAnswer,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
        signed=False,
    )


def login(body: schemas.LoginBody, *, idempotency_key: str | None = None) -> Operation[schemas.AnswerSessionAnswer]:
    """Opens a session. A wrong password and an unknown address are answered alike: INVALID_CREDENTIALS."""
    return Operation(
        "POST",
        "/auth/login",
        schemas.AnswerSessionAnswer,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
        signed=False,
    )


def refresh(
    body: schemas.RefreshBody | None, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerSessionAnswer]:
    """Gives new tokens for a refresh token, of the body or of the cookie, which counts once."""
    return Operation(
        "POST",
        "/auth/refresh",
        schemas.AnswerSessionAnswer,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
        signed=False,
    )


def logout(*, idempotency_key: str | None = None) -> Operation[schemas.AnswerGone]:
    """Ends the caller's session: its tokens, and its cookies, count no more."""
    return Operation("POST", "/auth/logout", schemas.AnswerGone, headers={"Idempotency-Key": idempotency_key})


def me() -> Operation[schemas.AnswerUser]:
    """The caller's account."""
    return Operation("GET", "/auth/me", schemas.AnswerUser)


def update_profile(body: schemas.ProfileBody) -> Operation[schemas.AnswerUser]:
    """Changes what the account says of its user."""
    return Operation("PUT", "/auth/profile", schemas.AnswerUser, body=body)


def change_password(
    body: schemas.PasswordBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerEndedSessions]:
    """Changes the password and ends all other sessions. A wrong current one is refused: INVALID_CREDENTIALS."""
    return Operation(
        "POST", "/auth/password", schemas.AnswerEndedSessions, headers={"Idempotency-Key": idempotency_key}, body=body
    )


def delete_account(body: schemas.DeleteAccountBody) -> Operation[schemas.AnswerAccountClosed]:
    """Deletes the account and everything in it. There is no way back: sessions end at once, the address is free again, photos and all that was made of them are gone by `goneBy` at the latest, usually within two hours."""
    return Operation("DELETE", "/auth/account", schemas.AnswerAccountClosed, body=body)


def list_sessions(*, page: int | None = None, limit: int | None = None) -> Operation[schemas.ListAnswerSessionShown]:
    """Where the caller is logged in, the last used first."""
    return Operation("GET", "/auth/sessions", schemas.ListAnswerSessionShown, query={"page": page, "limit": limit})


def end_other_sessions() -> Operation[schemas.AnswerEndedSessions]:
    """Logs all devices out but the caller's."""
    return Operation("DELETE", "/auth/sessions", schemas.AnswerEndedSessions)


def end_session(session_id: int) -> Operation[schemas.AnswerGone]:
    """Logs one device out."""
    return Operation("DELETE", ("/auth/sessions/{session_id}", {"session_id": session_id}), schemas.AnswerGone)


def list_consents() -> Operation[schemas.AnswerConsents]:
    """How the caller stands to each purpose, all that was said about them, and the policy's versions on offer."""
    return Operation("GET", "/auth/consents", schemas.AnswerConsents)


def change_consent(
    purpose: Literal["privacy", "ai", "marketing"], body: schemas.ConsentBody
) -> Operation[schemas.AnswerConsent]:
    """Agrees to a purpose, or takes that back. Without `ai` nothing is computed from pictures' content, and what was is removed."""
    return Operation("PUT", ("/auth/consents/{purpose}", {"purpose": purpose}), schemas.AnswerConsent, body=body)


def list_audit(*, page: int | None = None, limit: int | None = None) -> Operation[schemas.ListAnswerAuditEntry]:
    """What happened to the caller's account and files in the last 90 days, the newest first."""
    return Operation("GET", "/auth/audit", schemas.ListAnswerAuditEntry, query={"page": page, "limit": limit})


def list_families() -> Operation[schemas.AnswerListFamily]:
    """The families that the caller is in."""
    return Operation("GET", "/families", schemas.AnswerListFamily)


def create_family(
    body: schemas.FamilyBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerFamilyWithMembers]:
    """Makes a family with the caller as its owner."""
    return Operation(
        "POST", "/families", schemas.AnswerFamilyWithMembers, headers={"Idempotency-Key": idempotency_key}, body=body
    )


def accept_invitation(
    body: schemas.AcceptBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerFamilyWithMembers]:
    """Joins a family by an invitation's token, which counts once."""
    return Operation(
        "POST",
        "/families/accept",
        schemas.AnswerFamilyWithMembers,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def get_family(family_id: int) -> Operation[schemas.AnswerFamilyWithMembers]:
    """A family of the caller's, with its members."""
    return Operation("GET", ("/families/{family_id}", {"family_id": family_id}), schemas.AnswerFamilyWithMembers)


def rename_family(family_id: int, body: schemas.FamilyBody) -> Operation[schemas.AnswerFamilyWithMembers]:
    """Renames the family; its owners can."""
    return Operation(
        "PUT", ("/families/{family_id}", {"family_id": family_id}), schemas.AnswerFamilyWithMembers, body=body
    )


def delete_family(family_id: int) -> Operation[schemas.AnswerGone]:
    """Dissolves the family; its owners can. Albums are no longer shared with it."""
    return Operation("DELETE", ("/families/{family_id}", {"family_id": family_id}), schemas.AnswerGone)


def invite(
    family_id: int, body: schemas.InvitationBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerNewInvitation]:
    """Gives a token for one person to join with, within seven days; its owners can. We send no mail: hand it on."""
    return Operation(
        "POST",
        ("/families/{family_id}/invitations", {"family_id": family_id}),
        schemas.AnswerNewInvitation,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def list_invitations(family_id: int) -> Operation[schemas.AnswerListInvitation]:
    """The open invitations, without their tokens; for owners."""
    return Operation(
        "GET", ("/families/{family_id}/invitations", {"family_id": family_id}), schemas.AnswerListInvitation
    )


def withdraw_invitation(family_id: int, invitation_id: int) -> Operation[schemas.AnswerGone]:
    """Takes an invitation back; owners can."""
    return Operation(
        "DELETE",
        ("/families/{family_id}/invitations/{invitation_id}", {"family_id": family_id, "invitation_id": invitation_id}),
        schemas.AnswerGone,
    )


def change_role(family_id: int, member_id: int, body: schemas.RoleBody) -> Operation[schemas.AnswerFamilyWithMembers]:
    """Gives a member, by user id, another role; owners can."""
    return Operation(
        "PUT",
        ("/families/{family_id}/members/{member_id}", {"family_id": family_id, "member_id": member_id}),
        schemas.AnswerFamilyWithMembers,
        body=body,
    )


def remove_member(family_id: int, member_id: int) -> Operation[schemas.AnswerGone]:
    """Leaves the family, or removes a member from it, which owners can. The last owner can't leave others behind."""
    return Operation(
        "DELETE",
        ("/families/{family_id}/members/{member_id}", {"family_id": family_id, "member_id": member_id}),
        schemas.AnswerGone,
    )


def list_trash(*, page: int | None = None, limit: int | None = None) -> Operation[schemas.ListAnswerTrashedPhoto]:
    """Deleted photos that can still be restored, the last deleted first."""
    return Operation("GET", "/photos/trash", schemas.ListAnswerTrashedPhoto, query={"page": page, "limit": limit})


def keep_trash(body: schemas.TrashBody) -> Operation[schemas.AnswerUsage]:
    """How many days deleted photos stay, between 7 and what the caller's tier keeps. It holds for those there too."""
    return Operation("PUT", "/photos/trash", schemas.AnswerUsage, body=body)


def get_usage() -> Operation[schemas.AnswerUsage]:
    """How much of the storage is used, and how much there is."""
    return Operation("GET", "/photos/usage", schemas.AnswerUsage)


def act_on_photos(
    body: schemas.BatchBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerBatchResults]:
    """The same action on up to 500 photos: on all of them or on none, with a result for each."""
    return Operation(
        "POST",
        "/photos/batch-action",
        schemas.AnswerBatchResults,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def restore_photo(photo_id: int, *, idempotency_key: str | None = None) -> Operation[schemas.AnswerPhoto]:
    """Takes a photo out of the trash, back into everything that it was in."""
    return Operation(
        "POST",
        ("/photos/{photo_id}/restore", {"photo_id": photo_id}),
        schemas.AnswerPhoto,
        headers={"Idempotency-Key": idempotency_key},
    )


def set_favourite(photo_id: int, body: schemas.FavouriteBody) -> Operation[schemas.AnswerPhoto]:
    """Marks a photo as a favourite, or no longer."""
    return Operation("PUT", ("/photos/{photo_id}/favourite", {"photo_id": photo_id}), schemas.AnswerPhoto, body=body)


def precheck_photos(
    body: schemas.PrecheckBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerKnownHashes]:
    """Which of these hashes are stored already, so that nothing is sent twice."""
    return Operation(
        "POST", "/photos/precheck", schemas.AnswerKnownHashes, headers={"Idempotency-Key": idempotency_key}, body=body
    )


def adopt_photo(body: schemas.AdoptBody, *, idempotency_key: str | None = None) -> Operation[schemas.AnswerAdopted]:
    """A further photo of bytes that are stored already. 200 when it was there under this name."""
    return Operation(
        "POST", "/photos/adopt", schemas.AnswerAdopted, headers={"Idempotency-Key": idempotency_key}, body=body
    )


def list_photos(
    *,
    date_from: date | None = None,
    date_to: date | None = None,
    album_id: int | None = None,
    min_quality: float | None = None,
    max_quality: float | None = None,
    media_type: str | None = None,
    camera: str | None = None,
    has_duplicates: bool | None = None,
    favourite: bool | None = None,
    status: Literal["pending", "uploaded", "processed", "failed"] | None = None,
    q: str | None = None,
    page: int | None = None,
    limit: int | None = None,
    sort_by: Literal["createdDate", "uploadedAt", "fileName", "fileSize", "qualityScore", "id"] | None = None,
    sort_order: Literal["asc", "desc"] | None = None,
    cursor: str | None = None,
) -> Operation[schemas.CursorListAnswerPhoto]:
    """The caller's photos: filtered, searched, in any order."""
    return Operation(
        "GET",
        "/photos",
        schemas.CursorListAnswerPhoto,
        query={
            "dateFrom": date_from,
            "dateTo": date_to,
            "albumId": album_id,
            "minQuality": min_quality,
            "maxQuality": max_quality,
            "mediaType": media_type,
            "camera": camera,
            "hasDuplicates": has_duplicates,
            "favourite": favourite,
            "status": status,
            "q": q,
            "page": page,
            "limit": limit,
            "sortBy": sort_by,
            "sortOrder": sort_order,
            "cursor": cursor,
        },
    )


def get_photo(photo_id: int) -> Operation[schemas.AnswerPhoto]:
    """One photo."""
    return Operation("GET", ("/photos/{photo_id}", {"photo_id": photo_id}), schemas.AnswerPhoto)


def delete_photo(photo_id: int, *, permanent: bool | None = None) -> Operation[schemas.AnswerGone]:
    """Puts a photo into the trash; ``permanent`` deletes it at once, from the trash too, with everything made of it."""
    return Operation(
        "DELETE", ("/photos/{photo_id}", {"photo_id": photo_id}), schemas.AnswerGone, query={"permanent": permanent}
    )


def get_thumbnail(
    photo_id: int, *, size: Literal["200", "400", "1200", "thumbnail", "preview", "web"] | None = None
) -> Operation[bytes]:
    """A smaller copy. 404 with the code THUMBNAIL_NOT_READY while it isn't made yet."""
    return Operation("GET", ("/photos/{photo_id}/thumbnail", {"photo_id": photo_id}), bytes, query={"size": size})


def get_original(photo_id: int) -> Operation[bytes]:
    """The photo's bytes as they were uploaded, as a download."""
    return Operation("GET", ("/photos/{photo_id}/original", {"photo_id": photo_id}), bytes)


def create_album(
    body: schemas.CreateAlbumBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerAlbum]:
    """An empty album."""
    return Operation("POST", "/albums", schemas.AnswerAlbum, headers={"Idempotency-Key": idempotency_key}, body=body)


def list_albums(
    *, page: int | None = None, limit: int | None = None, shared: bool | None = None
) -> Operation[schemas.ListAnswerAlbum]:
    """The caller's albums and those that families share with the caller; ``role`` says what the caller is in each."""
    return Operation("GET", "/albums", schemas.ListAnswerAlbum, query={"page": page, "limit": limit, "shared": shared})


def get_album(album_id: int) -> Operation[schemas.AnswerAlbumWithPhotos]:
    """An album with its photos' ids, in its order."""
    return Operation("GET", ("/albums/{album_id}", {"album_id": album_id}), schemas.AnswerAlbumWithPhotos)


def update_album(
    album_id: int, body: schemas.UpdateAlbumBody, *, if_match: str | None = None
) -> Operation[schemas.AnswerAlbum]:
    """Renames, describes, sets the cover or leaves it to the first photo."""
    return Operation(
        "PUT",
        ("/albums/{album_id}", {"album_id": album_id}),
        schemas.AnswerAlbum,
        headers={"if-match": if_match},
        body=body,
    )


def delete_album(album_id: int, *, if_match: str | None = None) -> Operation[schemas.AnswerGone]:
    """Deletes the album; its photos stay."""
    return Operation(
        "DELETE", ("/albums/{album_id}", {"album_id": album_id}), schemas.AnswerGone, headers={"if-match": if_match}
    )


def list_album_photos(
    album_id: int, *, page: int | None = None, limit: int | None = None
) -> Operation[schemas.ListAnswerUnionOwnPhotoSharedPhoto]:
    """The album's photos in its order: the caller's own ones whole, others' without what is private to their owners."""
    return Operation(
        "GET",
        ("/albums/{album_id}/photos", {"album_id": album_id}),
        schemas.ListAnswerUnionOwnPhotoSharedPhoto,
        query={"page": page, "limit": limit},
    )


def add_to_album(
    album_id: int, body: schemas.AddToAlbumBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerAlbum]:
    """Adds photos of the caller's at the end; those that are in it stay where they are."""
    return Operation(
        "POST",
        ("/albums/{album_id}/photos", {"album_id": album_id}),
        schemas.AnswerAlbum,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def remove_many_from_album(
    album_id: int, body: schemas.RemoveFromAlbumBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerAlbum]:
    """Takes photos out of the album, those that are in it; the photos themselves stay."""
    return Operation(
        "POST",
        ("/albums/{album_id}/photos/remove", {"album_id": album_id}),
        schemas.AnswerAlbum,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def remove_from_album(album_id: int, photo_id: int) -> Operation[schemas.AnswerAlbum]:
    """Takes a photo out of the album; the photo itself stays."""
    return Operation(
        "DELETE",
        ("/albums/{album_id}/photos/{photo_id}", {"album_id": album_id, "photo_id": photo_id}),
        schemas.AnswerAlbum,
    )


def order_album(
    album_id: int, body: schemas.OrderBody, *, if_match: str | None = None
) -> Operation[schemas.AnswerAlbum]:
    """Moves photos, each right behind another one or to the front; or gives a small album a whole new order."""
    return Operation(
        "PUT",
        ("/albums/{album_id}/order", {"album_id": album_id}),
        schemas.AnswerAlbum,
        headers={"if-match": if_match},
        body=body,
    )


def get_album_thumbnail(
    album_id: int, photo_id: int, *, size: Literal["200", "400", "1200", "thumbnail", "preview", "web"] | None = None
) -> Operation[bytes]:
    """A smaller copy of a photo of the album. 404 with the code THUMBNAIL_NOT_READY while it isn't made yet."""
    return Operation(
        "GET",
        ("/albums/{album_id}/photos/{photo_id}/thumbnail", {"album_id": album_id, "photo_id": photo_id}),
        bytes,
        query={"size": size},
    )


def get_album_original(album_id: int, photo_id: int) -> Operation[bytes]:
    """The bytes of a photo of the album, as a download."""
    return Operation(
        "GET", ("/albums/{album_id}/photos/{photo_id}/original", {"album_id": album_id, "photo_id": photo_id}), bytes
    )


def share_album(
    album_id: int, body: schemas.ShareBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerShare]:
    """Shares the caller's album with a family of theirs. 200 when it was shared with it: then it is shared so now."""
    return Operation(
        "POST",
        ("/albums/{album_id}/shares", {"album_id": album_id}),
        schemas.AnswerShare,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def list_album_shares(album_id: int) -> Operation[schemas.AnswerListShare]:
    """The families with which the caller's album is shared."""
    return Operation("GET", ("/albums/{album_id}/shares", {"album_id": album_id}), schemas.AnswerListShare)


def unshare_album(album_id: int, family_id: int) -> Operation[schemas.AnswerGone]:
    """Ends the sharing. Members' photos leave the album with them."""
    return Operation(
        "DELETE",
        ("/albums/{album_id}/shares/{family_id}", {"album_id": album_id, "family_id": family_id}),
        schemas.AnswerGone,
    )


def list_duplicates(
    *,
    page: int | None = None,
    limit: int | None = None,
    action: Literal["pending", "confirmed", "rejected", "kept_both"] | None = None,
    lane: Literal["exact", "pixel", "near", "similar"] | None = None,
) -> Operation[schemas.DuplicatesAnswer]:
    """Pairs of a suggested keeper and a photo that it could stand for, with the reasons."""
    return Operation(
        "GET",
        "/duplicates",
        schemas.DuplicatesAnswer,
        query={"page": page, "limit": limit, "action": action, "lane": lane},
    )


def list_duplicate_groups(
    *,
    page: int | None = None,
    limit: int | None = None,
    action: Literal["pending", "confirmed"] | None = None,
    lane: Literal["exact", "pixel", "near", "similar"] | None = None,
) -> Operation[schemas.ListAnswerNamedGroup]:
    """Keepers, each with the photos that it could stand for: all of them up to 500."""
    return Operation(
        "GET",
        "/duplicates/groups",
        schemas.ListAnswerNamedGroup,
        query={"page": page, "limit": limit, "action": action, "lane": lane},
    )


def get_duplicate_stats() -> Operation[schemas.AnswerDuplicateStats]:
    """How much there is to clean up."""
    return Operation("GET", "/duplicates/stats", schemas.AnswerDuplicateStats)


def act_on_duplicate(
    duplicate_id: int, body: schemas.ActionBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerDuplicate]:
    """The user's decision on a pair. It is kept and never asked again; nothing is deleted."""
    return Operation(
        "POST",
        ("/duplicates/{duplicate_id}/action", {"duplicate_id": duplicate_id}),
        schemas.AnswerDuplicate,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def act_on_duplicates(
    body: schemas.BulkActionBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerBulkOutcome]:
    """The same decision on many pairs: on all of them or, when one is not there, on none; nothing is deleted."""
    return Operation(
        "POST",
        "/duplicates/bulk-action",
        schemas.AnswerBulkOutcome,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def undo_bulk_action(
    bulk_action_id: UUID, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerBulkOutcome]:
    """Takes a bulk action back as a whole. 409 when something else was said of one of its pairs since."""
    return Operation(
        "POST",
        ("/duplicates/bulk-action/{bulk_action_id}/undo", {"bulk_action_id": bulk_action_id}),
        schemas.AnswerBulkOutcome,
        headers={"Idempotency-Key": idempotency_key},
    )


def undo_duplicate_action(
    duplicate_id: int, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerDuplicate]:
    """Takes the last decision on a pair back: what was said before it counts again. 409 when there is none."""
    return Operation(
        "POST",
        ("/duplicates/{duplicate_id}/undo", {"duplicate_id": duplicate_id}),
        schemas.AnswerDuplicate,
        headers={"Idempotency-Key": idempotency_key},
    )


def get_moments() -> Operation[schemas.AnswerCuratedSet]:
    """The suggested or confirmed set of best moments."""
    return Operation("GET", "/curation/moments", schemas.AnswerCuratedSet)


def change_moments(body: schemas.ChangeMomentsBody) -> Operation[schemas.AnswerCuratedSet]:
    """The user changes the set. A photo in the trash keeps its pin: when more than 20 pinned photos are there, because one has come back, the set has those that were pinned last, and of those pinned at once the later uploads."""
    return Operation("PUT", "/curation/moments", schemas.AnswerCuratedSet, body=body)


def confirm_moments(*, idempotency_key: str | None = None) -> Operation[schemas.AnswerCuratedSet]:
    """The user takes the set as it is."""
    return Operation(
        "POST", "/curation/moments/confirm", schemas.AnswerCuratedSet, headers={"Idempotency-Key": idempotency_key}
    )


def list_jobs(
    *,
    page: int | None = None,
    limit: int | None = None,
    photo_id: int | None = None,
    status: Literal["queued", "processing", "completed", "failed"] | None = None,
) -> Operation[schemas.ListAnswerJob]:
    """The steps of the caller's photos. That one has begun is shown up to a second later."""
    return Operation(
        "GET",
        "/jobs",
        schemas.ListAnswerJob,
        query={"page": page, "limit": limit, "photoId": photo_id, "status": status},
    )


def retry_job(job_id: int, *, idempotency_key: str | None = None) -> Operation[schemas.AnswerJob]:
    """Has a failed step tried again. 409 with the code JOB_NOT_FAILED for one that is done or under way."""
    return Operation(
        "POST",
        ("/jobs/{job_id}/retry", {"job_id": job_id}),
        schemas.AnswerJob,
        headers={"Idempotency-Key": idempotency_key},
    )


def get_progress() -> Operation[schemas.AnswerProgressNow]:
    """How many of the caller's photos are where: what to ask after a socket was away."""
    return Operation("GET", "/jobs/progress", schemas.AnswerProgressNow)


def get_model() -> Operation[schemas.AnswerModel]:
    """The embedding model in use."""
    return Operation("GET", "/model", schemas.AnswerModel)


def list_similar_photos(photo_id: int, *, limit: int | None = None) -> Operation[schemas.AnswerFound]:
    """The caller's photos that look most like this one. 409 with the code NO_EMBEDDING when it can't be compared."""
    return Operation(
        "GET", ("/photos/{photo_id}/similar", {"photo_id": photo_id}), schemas.AnswerFound, query={"limit": limit}
    )


def search_photos(*, limit: int | None = None, text: str) -> Operation[schemas.AnswerFound]:
    """The caller's photos that show what the text says. 409 with the code TEXT_SEARCH_UNAVAILABLE when the model in use knows no texts."""
    return Operation("GET", "/search", schemas.AnswerFound, query={"limit": limit, "text": text})


def create_film(body: schemas.FilmBody, *, idempotency_key: str | None = None) -> Operation[schemas.AnswerOrder]:
    """Orders a film of these photos from MEMOPYK. It is sent in the background; the order tells how far it is."""
    return Operation(
        "POST",
        "/integrations/memopyk/create-film",
        schemas.AnswerOrder,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def send_for_retouch(
    body: schemas.RetouchBody, *, idempotency_key: str | None = None
) -> Operation[schemas.AnswerOrder]:
    """Orders these photos to be retouched by photALL. It is sent in the background; the order tells how far it is."""
    return Operation(
        "POST",
        "/integrations/photall/send-for-retouch",
        schemas.AnswerOrder,
        headers={"Idempotency-Key": idempotency_key},
        body=body,
    )


def get_integration_status(*, page: int | None = None, limit: int | None = None) -> Operation[schemas.StatusAnswer]:
    """Which partners there are, and the caller's orders."""
    return Operation("GET", "/integrations/status", schemas.StatusAnswer, query={"page": page, "limit": limit})


def get_order(order_id: int) -> Operation[schemas.AnswerOrder]:
    """One order."""
    return Operation("GET", ("/integrations/orders/{order_id}", {"order_id": order_id}), schemas.AnswerOrder)


def cancel_order(order_id: int, *, idempotency_key: str | None = None) -> Operation[schemas.AnswerOrder]:
    """Cancels an open order and withdraws the consent: the partner's access to the photos ends at once."""
    return Operation(
        "POST",
        ("/integrations/orders/{order_id}/cancel", {"order_id": order_id}),
        schemas.AnswerOrder,
        headers={"Idempotency-Key": idempotency_key},
    )


def take_callback(
    partner: Literal["memopyk", "photall"],
    body: Any,
    *,
    webhook_id: str,
    webhook_timestamp: str,
    webhook_signature: str,
    idempotency_key: str | None = None,
) -> Operation[schemas.AnswerCallbackTaken]:
    """A partner tells how far an order is, in a request signed as Standard Webhooks say. No access token."""
    return Operation(
        "POST",
        ("/integrations/{partner}/callback", {"partner": partner}),
        schemas.AnswerCallbackTaken,
        headers={
            "webhook-id": webhook_id,
            "webhook-timestamp": webhook_timestamp,
            "webhook-signature": webhook_signature,
            "Idempotency-Key": idempotency_key,
        },
        body=body,
        signed=False,
    )


def get_shared_file(token: str) -> Operation[bytes]:
    """A photo of an open order, for its partner: the original, by a link that expires. No access token."""
    return Operation("GET", ("/integrations/files/{token}", {"token": token}), bytes, signed=False)


def list_exports() -> Operation[schemas.AnswerListExport]:
    """The caller's exports, the newest first, 100 at most."""
    return Operation("GET", "/exports", schemas.AnswerListExport)


def begin_export(*, idempotency_key: str | None = None) -> Operation[schemas.AnswerExport]:
    """Has an export built. While one is under way, that one is the answer: there is one at a time."""
    return Operation("POST", "/exports", schemas.AnswerExport, headers={"Idempotency-Key": idempotency_key})


def get_export(export_id: int) -> Operation[schemas.AnswerExport]:
    """How far an export is; once it is ready, `downloadUrl` leads to its file, for a day."""
    return Operation("GET", ("/exports/{export_id}", {"export_id": export_id}), schemas.AnswerExport)


def delete_export(export_id: int) -> Operation[schemas.AnswerGone]:
    """Removes an export's file, or gives it up while it is being built."""
    return Operation("DELETE", ("/exports/{export_id}", {"export_id": export_id}), schemas.AnswerGone)


def download_export(export_id: int, *, token: str) -> Operation[bytes]:
    """The file. The link needs no access token and runs out; a download that broke off goes on with `Range`."""
    return Operation(
        "GET", ("/exports/{export_id}/download", {"export_id": export_id}), bytes, query={"token": token}, signed=False
    )


def list_changes(*, cursor: str | None = None, limit: int | None = None) -> Operation[schemas.ChangesAnswer]:
    """All of the caller's things that are not as they were at the cursor, each once, the oldest change first."""
    return Operation("GET", "/changes", schemas.ChangesAnswer, query={"cursor": cursor, "limit": limit})


def create_ticket(*, idempotency_key: str | None = None) -> Operation[schemas.AnswerTicket]:
    """Opens one WebSocket at `/ws?ticket={ticket}`, within its seconds."""
    return Operation("POST", "/ws/ticket", schemas.AnswerTicket, headers={"Idempotency-Key": idempotency_key})
