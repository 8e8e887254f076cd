"""Errors that cross a service's border: a stable code, a message for a person, details that help."""

from typing import Any, ClassVar


class MizzapError(Exception):
    """An answer to the asker, never a bug: travels through request/reply and out of the REST API.

    ``status`` is the HTTP status that the gateway answers with.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.message = message
        self.details = details


class InvalidInput(MizzapError):
    status = 400
    default_code = "INVALID_INPUT"


class Unauthorized(MizzapError):
    status = 401
    default_code = "UNAUTHORIZED"


class Forbidden(MizzapError):
    status = 403
    default_code = "FORBIDDEN"


class NotFound(MizzapError):
    """Also the answer for what belongs to somebody else: the two can't be told apart."""

    status = 404
    default_code = "NOT_FOUND"


class Conflict(MizzapError):
    status = 409
    default_code = "CONFLICT"


class PreconditionFailed(MizzapError):
    """What the asker wants to change is not as the asker knows it."""

    status = 412
    default_code = "VERSION_CONFLICT"


class TooLarge(MizzapError):
    status = 413
    default_code = "TOO_LARGE"


class QuotaExceeded(TooLarge):
    """There is no room left in what the user's tier may store."""

    default_code = "QUOTA_EXCEEDED"


class Unsupported(MizzapError):
    status = 415
    default_code = "MEDIA_UNSUPPORTED"


class Unprocessable(MizzapError):
    status = 422
    default_code = "UNPROCESSABLE"


class Unavailable(MizzapError):
    """A part does not answer right now; the same call may work later."""

    status = 503
    default_code = "UNAVAILABLE"


KINDS: dict[int, type[MizzapError]] = {
    kind.status: kind
    for kind in (
        InvalidInput, Unauthorized, Forbidden, NotFound, Conflict, PreconditionFailed, TooLarge, Unsupported,
        Unprocessable, Unavailable, MizzapError,
    )
}  # fmt: skip


class NotYet(Exception):
    """Raised by a handler that has to wait for what another event brings: nothing is wrong, this one comes again."""


class Permanent(Exception):
    """Raised by a handler that will never succeed with this event: it goes to the dead letters at once."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
