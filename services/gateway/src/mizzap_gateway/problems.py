"""Errors as the API answers them, always in the same shape: ``{"success": false, "error": {code, message, details}}``."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from minio.error import MinioException
from mizzap_common.contracts.message import Message
from mizzap_common.errors import InvalidInput, MizzapError, Unavailable
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from urllib3.exceptions import HTTPError

log = structlog.get_logger(__name__)

_CODES = {400: "INVALID_INPUT", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "TOO_LARGE"}
_RETRY_AFTER_SECONDS = "2"
_MOST_PROBLEMS, _LONGEST_FIELD, _LONGEST_PROBLEM = 20, 100, 300
"""Of what is said about one request: its fields' names are its client's, as many and as long as a body may be."""
CODES = "x-error-codes"
"""Where the document says the codes of an error answer, for programs."""
_USUAL_CODES = {
    400: ["INVALID_INPUT"],
    401: ["UNAUTHORIZED", "INVALID_TOKEN", "SESSION_ENDED"],
    404: ["NOT_FOUND"],
    413: ["TOO_LARGE"],
    415: ["MEDIA_UNSUPPORTED"],
    503: ["UNAVAILABLE"],
}
_MESSAGES = {
    "INVALID_INPUT": "limit: Input should be less than or equal to 100",
    "UNAUTHORIZED": "This needs an access token: Authorization: Bearer {token}.",
    "INVALID_TOKEN": "The access token is not valid or has expired. Please log in again.",
    "SESSION_ENDED": "The session has ended. Please log in again.",
    "ORIGIN_REFUSED": "A page of another host can't do this with our cookies.",
    "TWO_CREDENTIALS": "The request has a token and a cookie. Send one of them, so that it is clear who is calling.",
    "NOT_FOUND": "There is no such photo.",
    "RATE_LIMITED": "That was a lot in a short time. Please try again in 12 s.",
    "IDEMPOTENCY_IN_FLIGHT": "The request that this one repeats is still being worked on. Please ask again.",
    "IDEMPOTENCY_KEY_REUSED": "This Idempotency-Key was used for another request. Take a new one for each request.",
    "UPLOADS_BUSY": "Many uploads are on their way right now. Please send this one again in a moment.",
    "UNAVAILABLE": "A part of the service does not answer right now. Please try again.",
}
_DETAILS: dict[str, dict[str, Any]] = {
    "INVALID_INPUT": {"field": "limit"},
    "RATE_LIMITED": {
        "limit": "api", "quota": 100, "windowSeconds": 60, "unit": "requests", "retryAfterSeconds": 12,
    },
    "IDEMPOTENCY_IN_FLIGHT": {"retryAfterSeconds": 5},
    "UPLOADS_BUSY": {"retryAfterSeconds": 10},
}  # fmt: skip


class Problem(Message):
    code: str
    """Stable, for programs."""
    message: str
    """A sentence for a person."""
    details: dict[str, Any]


class ProblemAnswer(Message):
    success: Literal[False] = False
    error: Problem


def responses(*statuses: int, **codes: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an operation, for the OpenAPI document.

    ``responses(400, 401, 404, ALBUM_FULL=409)``: the codes that every operation has for these statuses, and one of its
    own. What the middlewares answer needs no word.
    """
    named: dict[int | str, dict[str, Any]] = {
        status: {
            "model": ProblemAnswer,
            "description": HTTPStatus(status).phrase,
            CODES: [code for code, of_status in codes.items() if of_status == status],
        }
        for status in sorted({*statuses, *codes.values()})
    }
    # it also keeps FastAPI from describing validation errors of its own shape, which are never sent
    return {**named, "default": {"model": ProblemAnswer, "description": "Any other error"}}


def codes_of(status: int, own: list[str], secured: bool) -> list[str]:
    """All codes of an operation's answer: the usual ones, then its own."""
    usual = _USUAL_CODES.get(status, [])
    if status == HTTPStatus.UNAUTHORIZED and not secured:
        usual = []
    return list(dict.fromkeys([*usual, *own])) or [HTTPStatus(status).name]


def example(status: int, code: str) -> dict[str, Any]:
    """An error answer, for the OpenAPI document."""
    message = _MESSAGES.get(code, f"{HTTPStatus(status).phrase}.")
    return {"success": False, "error": {"code": code, "message": message, "details": _DETAILS.get(code, {})}}


def answer(
    status: int, code: str, message: str, details: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    body = {"success": False, "error": {"code": code, "message": message, "details": dict(details)}}
    content = json.dumps(body, default=str).encode("ascii")
    return Response(content, status, headers=dict(headers or {}), media_type="application/json")


def of_error(error: MizzapError) -> Response:
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = _RETRY_AFTER_SECONDS
    if seconds := error.details.get("retryAfterSeconds"):
        headers["Retry-After"] = str(seconds)
    return answer(error.status, error.code, error.message, error.details, headers)


def add_handlers(app: FastAPI) -> None:
    """Has every error of the application answered in the API's shape, without a word about our insides."""

    @app.exception_handler(MizzapError)
    async def known(_: Request, error: MizzapError) -> Response:
        return of_error(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return of_error(_invalid_input(error))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, HTTPStatus(error.status_code).name)
        return answer(error.status_code, code, str(error.detail), {}, error.headers)

    @app.exception_handler(MinioException)
    @app.exception_handler(HTTPError)
    @app.exception_handler(OSError)
    async def store(_: Request, error: Exception) -> Response:
        log.warning("the store does not answer", reason=repr(error))
        return of_error(Unavailable("The photo store does not answer right now. Please try again."))

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, error: ClientDisconnect) -> Response:
        return answer(400, "INVALID_INPUT", "The connection was cut.", {})  # nobody hears it

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> Response:
        return of_error(bug())


def bug() -> MizzapError:
    """What is told of an error that nobody foresaw."""
    return MizzapError("Something went wrong on our side.")


def _invalid_input(error: RequestValidationError) -> InvalidInput:
    problems = [
        {
            "field": ".".join(str(part) for part in problem["loc"][1:])[:_LONGEST_FIELD] or "body",
            "problem": problem["msg"][:_LONGEST_PROBLEM],
        }
        for problem in error.errors()[:_MOST_PROBLEMS]
    ]
    first = problems[0]
    return InvalidInput(f"{first['field']}: {first['problem']}", field=first["field"], problems=problems)
