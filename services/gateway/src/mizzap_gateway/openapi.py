"""The OpenAPI document: what FastAPI makes of the routes, and what holds for all of them.

A route gives its types, a docstring and ``problems.responses(…)``; examples, error codes, common headers and the
answers that the middlewares give are put in here.
"""

from http import HTTPStatus
from typing import Any

from mizzap_gateway import problems
from mizzap_gateway.budgets import PUBLIC
from mizzap_gateway.edge import STREAMED
from mizzap_gateway.examples import example
from mizzap_gateway.idempotency import HEADER, REPLAYED

Operation = dict[str, Any]
DESCRIPTION = """Photos in, duplicates and best moments out.

**Errors** are always `{"success": false, "error": {"code", "message", "details"}}`; codes are stable, messages are for
people.

**Repeating**: a POST with an `Idempotency-Key` can be sent again for 24 hours and gets the same answer; take a new key
(a UUID, say) for each request. **Conditional**: GET answers carry an `ETag`, and `If-None-Match` brings 304.
**Limits**: each answer tells by `RateLimit-*` what is left; after 429 wait for `Retry-After` seconds.

**Events**: a WebSocket at `/ws?ticket={ticket}` (`POST /api/v1/ws/ticket`), at `/ws?token={accessToken}`, or at `/ws`
with a session's cookie brings `{"event", "id", "data"}` as things happen. With `cursor={cursor}` it first brings what
has changed since, as `{"event": "changes", "data": […], "cursor"}`; each of these counts as a request, and when the
minute has none left it closes with 1013 `RATE_LIMITED`: go on later, from the last `cursor`. It closes with 4401 when
the token or ticket is not valid (any more) or its session ends, 4400 when the cursor isn't (begin again by
`GET /api/v1/changes`), 4429 when the client reads too slowly, 1013 when it should try again later. A user's 21st open
socket is refused before the handshake with 429 `TOO_MANY_SOCKETS` (with 4430
where the server can't say that).
`{"event": "ping"}` comes every 25 seconds in which nothing else does.
"""

_RATE_HEADERS = {
    "RateLimit-Limit": ("integer", "Requests (or bytes) per window, of the tightest limit"),
    "RateLimit-Remaining": ("integer", "What is left of it"),
    "RateLimit-Reset": ("integer", "Seconds until the window ends"),
    "RateLimit": ("string", 'All limits of the request: `"api";r=99;t=60`'),
    "RateLimit-Policy": ("string", 'Their sizes: `"api";q=100;w=60`'),
}
_EXAMPLES = {"integer": 60, "string": '"api";r=99;t=60'}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Completes FastAPI's document in place."""
    components = document.setdefault("components", {})
    components.setdefault("headers", {}).update(_headers())
    components.setdefault("parameters", {}).update(_parameters())
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation, components["schemas"])
    components["examples"] = _error_examples(document)
    return document


def _error_examples(document: dict[str, Any]) -> dict[str, Any]:
    codes = {
        code: int(status)
        for operations in document["paths"].values()
        for operation in operations.values()
        for status, response in operation["responses"].items()
        for code in response.get(problems.CODES, [])
    }
    return {code: {"value": problems.example(status, code)} for code, status in sorted(codes.items())}


def _complete(path: str, method: str, operation: Operation, schemas: dict[str, Any]) -> None:
    responses = operation["responses"]
    json_answer = any(
        "application/json" in response.get("content", {})
        for status, response in responses.items()
        if status.startswith("2")
    )
    if path.startswith(PUBLIC):
        _add_codes(responses, 429, "RATE_LIMITED")
    if "requestBody" in operation and path not in STREAMED:
        _add_codes(responses, 408, "BODY_TOO_SLOW")
        _add_codes(responses, 413, "TOO_LARGE")
    if method == "post" and path.startswith(PUBLIC):
        _add_parameter(operation, "IdempotencyKey")
        _add_codes(responses, 400, "INVALID_INPUT")
        _add_codes(responses, 409, "IDEMPOTENCY_IN_FLIGHT", "IDEMPOTENCY_ANSWER_TOO_LARGE")
        _add_codes(responses, 422, "IDEMPOTENCY_KEY_REUSED")
    if method == "get" and json_answer:
        _add_parameter(operation, "IfNoneMatch")
        responses["304"] = {"description": "The client has it"}
    secured = bool(operation.get("security"))
    if secured:
        _add_codes(responses, 400, "TWO_CREDENTIALS")
    if secured and method != "get":
        _add_codes(responses, 403, "ORIGIN_REFUSED")
    for status, response in sorted(responses.items()):
        _complete_response(status, response, method, path, secured, schemas)
    operation["responses"] = dict(sorted(responses.items()))
    for content in operation.get("requestBody", {}).get("content", {}).values():
        _give_example(content, schemas)


def _complete_response(
    status: str, response: dict[str, Any], method: str, path: str, secured: bool, schemas: dict[str, Any]
) -> None:
    headers: dict[str, Any] = {}
    if path.startswith(PUBLIC) and (status < "300" or status == "429"):
        headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE_HEADERS}
    if status in ("429", "503"):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if status in ("200", "304") and method == "get":
        headers["ETag"] = {"$ref": "#/components/headers/ETag"}
    if status < "400" and method == "post" and path.startswith(PUBLIC):
        headers[REPLAYED] = {"$ref": f"#/components/headers/{REPLAYED}"}
    if headers:
        response["headers"] = {**headers, **response.get("headers", {})}
    if status.isdecimal() and status >= "400":
        _describe_codes(int(status), response, secured)
    elif status.startswith("2"):
        for media_type, content in response.get("content", {}).items():
            if media_type == "application/json":
                _give_example(content, schemas)


def _describe_codes(status: int, response: dict[str, Any], secured: bool) -> None:
    codes = problems.codes_of(status, response.get(problems.CODES, []), secured)
    response[problems.CODES] = codes
    response["description"] = f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}"
    content = response["content"]["application/json"]
    content["examples"] = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}


def _add_codes(responses: dict[str, Any], status: int, *codes: str) -> None:
    response = responses.setdefault(
        str(status), {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}}
    )
    response[problems.CODES] = [*response.get(problems.CODES, []), *codes]


def _add_parameter(operation: Operation, name: str) -> None:
    operation.setdefault("parameters", []).append({"$ref": f"#/components/parameters/{name}"})


def _give_example(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    if "schema" in content and not {"example", "examples"} & content.keys():
        content["example"] = example(content["schema"], schemas)


def _headers() -> dict[str, Any]:
    headers = {
        name: {"description": text, "schema": {"type": kind}, "example": _EXAMPLES[kind]}
        for name, (kind, text) in _RATE_HEADERS.items()
    }
    headers["RateLimit-Policy"]["example"] = '"api";q=100;w=60'
    headers["Retry-After"] = {
        "description": "Seconds until the next try makes sense", "schema": {"type": "integer"}, "example": 2,
    }  # fmt: skip
    headers["ETag"] = {
        "description": "Of this very answer", "schema": {"type": "string"},
        "example": '"5d41402abc4b2a76b9719d911017c592"',
    }  # fmt: skip
    headers[REPLAYED] = {
        "description": "`true` when this is the answer to an earlier request with the same Idempotency-Key",
        "schema": {"type": "string", "enum": ["true"]}, "example": "true",
    }  # fmt: skip
    return headers


def _parameters() -> dict[str, Any]:
    return {
        "IdempotencyKey": {
            "name": HEADER, "in": "header", "required": False, "example": "0199f3b2-6c1e-7c3a-9d5e-2f4b6a8c0d1e",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "description": "The same key again gets the same answer for 24 hours, and nothing happens twice",
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"},
            "example": '"5d41402abc4b2a76b9719d911017c592"',
            "description": "ETags that the client has: 304 when one of them still holds",
        },
    }  # fmt: skip
