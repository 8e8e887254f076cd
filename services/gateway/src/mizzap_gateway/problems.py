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


class Problem(Message):
    code: str
    """Stable, for programs."""
    message: str
    """A sentence for a person."""
    details: dict[str, Any]


class ProblemAnswer(Message):
    success: Literal[False] = False
    error: Problem


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an operation, for the OpenAPI document."""
    named: dict[int | str, dict[str, Any]] = {
        status: {"model": ProblemAnswer, "description": HTTPStatus(status).phrase} for status in sorted(statuses)
    }
    # it also keeps FastAPI from describing validation errors of its own shape, which are never sent
    return {**named, "default": {"model": ProblemAnswer, "description": "Any other error"}}


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
        return of_error(MizzapError("Something went wrong on our side."))


def _invalid_input(error: RequestValidationError) -> InvalidInput:
    problems = [
        {"field": ".".join(str(part) for part in problem["loc"][1:]) or "body", "problem": problem["msg"]}
        for problem in error.errors()
    ]
    first = problems[0]
    return InvalidInput(f"{first['field']}: {first['problem']}", field=first["field"], problems=problems)
