"""What can go wrong between this client and a server, one type a reaction."""

from typing import Any


class ClientError(Exception):
    """The base: its text is one sentence for a person."""


class Unreachable(ClientError):
    """No answer within the client's patience: the server is down, or the network is."""


class Interrupted(Unreachable):
    """There was a line to the server, and it broke before the answer. That may be this one request's own trouble."""


class NotLoggedIn(ClientError):
    """There is no session, or it has ended and can't be refreshed."""


class Stalled(ClientError):
    """The server has stopped making progress."""


class NotUnderstood(ClientError):
    """The server's answer has not the shape that this client was made for."""


class ApiError(ClientError):
    """The server's own refusal. ``code`` is stable (MEDIA_UNSUPPORTED), ``message`` is for a person."""

    def __init__(self, status: int, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(f"{message} ({code})")
        self.status = status
        self.code = code
        self.message = message
        self.details = details or {}


class InvalidInput(ApiError):
    """400: the request itself is wrong."""


class Unauthorized(ApiError):
    """401: the credentials or the token are not accepted."""


class NotFound(ApiError):
    """404: there is no such thing, or it is somebody else's."""


class Conflict(ApiError):
    """409: an e-mail address that is taken, say."""


class Refused(ApiError):
    """413, 415, 422: this file can't be taken, whoever asks and however often."""


BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidInput,
    401: Unauthorized,
    404: NotFound,
    409: Conflict,
    413: Refused,
    415: Refused,
    422: Refused,
}
