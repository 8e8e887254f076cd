"""Request and reply between services, with typed errors.

A reply is ``{"ok": answer}`` or ``{"error": {"code", "message", "status", "details"}}``.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic

import structlog
from nats.errors import Error as NatsError
from pydantic import ValidationError

from mizzap_common.contracts.requests import A, Method, Q
from mizzap_common.db import DATABASE_AWAY
from mizzap_common.errors import KINDS, InvalidInput, MizzapError, Unavailable
from mizzap_common.storage import STORE_ERRORS
from mizzap_common.telemetry import REQUESTS

log = structlog.get_logger(__name__)


class Answerer(Generic[Q, A]):
    """Turns a request's bytes into a reply's bytes. It always answers: the asker must not wait for a timeout."""

    def __init__(self, method: Method[Q, A], handler: Callable[[Q], Awaitable[A]]) -> None:
        self.method = method
        self.handler = handler

    async def __call__(self, body: bytes) -> bytes:
        try:
            answer = await self.handler(self._parse(body))
        except MizzapError as error:
            return self._refuse(error)
        except (*DATABASE_AWAY, *STORE_ERRORS) as error:
            log.warning("a part does not answer", method=self.method.subject, reason=repr(error))
            return self._refuse(Unavailable("A part of the service does not answer right now. Please try again."))
        except Exception as error:  # a bug: the asker gets an answer, the log gets the whole of it
            log.exception("request failed", method=self.method.subject, exc_info=error)
            return self._refuse(MizzapError("Something went wrong on our side."))
        REQUESTS.labels(self.method.subject, "ok").inc()
        return b'{"ok":' + answer.to_json() + b"}"

    def _parse(self, body: bytes) -> Q:
        try:
            return self.method.request.model_validate_json(body)
        except ValidationError as error:
            raise invalid_input(error) from error

    def _refuse(self, error: MizzapError) -> bytes:
        REQUESTS.labels(self.method.subject, error.code).inc()
        content = {"code": error.code, "message": error.message, "status": error.status, "details": error.details}
        return json.dumps({"error": content}, default=str).encode()


def invalid_input(error: ValidationError) -> InvalidInput:
    """The first problem that pydantic found, in the API's words; all of them in the details."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    fields = [{"field": ".".join(str(part) for part in p["loc"]), "problem": p["msg"]} for p in problems]
    first = fields[0]
    return InvalidInput(f"{first['field']}: {first['problem']}", field=first["field"], problems=fields)


@contextmanager
def unreachable(method: Method[Any, Any]) -> Iterator[None]:
    """Turns the broker's silence into an error that a caller can act on."""
    try:
        yield
    except (NatsError, TimeoutError, OSError) as error:
        log.warning("nobody answers", method=method.subject, reason=repr(error))
        raise Unavailable(
            "A part of the service does not answer right now. Please try again.", service=method.service
        ) from error


def read_answer(method: Method[Q, A], body: bytes) -> A:
    """Raises the error that the other side answered with, as its own type again."""
    reply = json.loads(body)
    if error := reply.get("error"):
        kind = KINDS.get(error["status"], MizzapError)
        raise kind(error["message"], code=error["code"], **error["details"])
    return method.answer.model_validate(reply["ok"])
