"""``Idempotency-Key``: a POST that comes again gets the first one's answer, and nothing happens twice.

Of several with one key at the same time one is worked on and the others wait for it. What is kept, and what is not, is
in docs/adr/0008-answers-are-kept-sealed.md.
"""

import asyncio
import hashlib
import json
import re
import time

from mizzap_common.errors import Conflict, InvalidInput, Unavailable, Unprocessable
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mizzap_gateway import cookies
from mizzap_gateway.bodies import TooSlow, body_of
from mizzap_gateway.budgets import PUBLIC, Budgets, owner
from mizzap_gateway.callers import known_caller, last_caller
from mizzap_gateway.kept_answers import Claim, KeptAnswers, NotKept, OtherRequest, read_record
from mizzap_gateway.limits import Limiter
from mizzap_gateway.seals import Answer, Seal
from mizzap_gateway.settings import GatewaySettings

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_REFRESH = "/api/v1/auth/refresh"
_LOGOUT = "/api/v1/auth/logout"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_LARGEST_HELD = 8 << 20
"""Bytes of an answer that are held back until it is kept; what is longer goes out as it comes and is not kept."""
_NOT_KEPT = {400, 401, 408, 425, 429}
"""Beside 5xx: nothing was done. The same request may fare better later, or is as wrong as before without our help."""
_TRY_AGAIN = {"UPLOAD_AGAIN", "QUOTA_EXCEEDED"}
"""Codes of refusals after which the same request may well be done: sent again, or once there is room."""


class Idempotency:
    """Honours the header on every POST of the API that carries it."""

    def __init__(
        self, app: ASGIApp, kept: KeptAnswers, budgets: Budgets, limiter: Limiter, settings: GatewaySettings
    ) -> None:
        self._app = app
        self._kept = kept
        self._limit = budgets.kept_answers
        self._limiter = limiter
        self._wait_seconds = settings.repetition_wait_seconds
        self._idle_seconds = settings.upload_idle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(PUBLIC):
            return await self._app(scope, receive, send)
        keys = Headers(scope=scope).getlist(HEADER)
        if not keys:
            return await self._app(scope, receive, send)
        if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
            raise InvalidInput(f"{HEADER}: one key of 1 to 255 visible ASCII characters.", field=HEADER)
        await self._serve(_Keyed(keys[0], scope, receive, send))

    async def _serve(self, keyed: "_Keyed") -> None:
        """Works on the request, or finds the answer that it has got already."""
        claim = await self._kept.claim(keyed.name)
        if claim is not None:
            return await self._work(keyed, claim)
        try:
            body_sha256 = await keyed.body_sha256(self._idle_seconds)
        except ClientDisconnect:
            return
        deadline = time.monotonic() + self._wait_seconds
        while claim is None:
            try:
                record = await self._kept.wait(keyed.name, deadline - time.monotonic())
            except TimeoutError as error:
                message = "The request that this one repeats is still being worked on. Please ask again."
                raise Conflict(message, code="IDEMPOTENCY_IN_FLIGHT", retryAfterSeconds=5) from error
            if record is not None:
                return await keyed.send_again(_opened(record, keyed.seal(body_sha256)))
            if keyed.body is None:
                # the bytes have gone by
                raise Unavailable("The request that this one repeats has failed. Please send it again.")
            claim = await self._kept.claim(keyed.name)
        await self._work(keyed, claim)

    async def _work(self, keyed: "_Keyed", claim: Claim) -> None:
        taken = await self._limiter.take(self._limit, keyed.owner, 0)
        if taken.retry_after:
            await claim.free()
            raise taken.refusal()
        held = _Held(keyed.send)
        try:
            async with claim.held():
                await self._app(keyed.scope, keyed.receive, held)
        except Exception:
            await claim.free()
            raise
        body_sha256 = keyed.read_sha256()
        answer = held.answer()
        kept = 0
        if answer is not None and body_sha256 is not None and _is_final(answer):
            kept = await claim.keep(answer, keyed.seal(body_sha256))
        else:
            await claim.free()
        # kept first: a client that has the answer never meets another one
        await held.let_go()
        if kept:
            await self._limiter.charge(self._limit, keyed.owner, kept)


class _Keyed:
    """One request with a key."""

    def __init__(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        # a refresh is its refresh token's, whatever access token came along and has expired since
        caller = None if scope["path"] == _REFRESH else known_caller(scope)
        if scope["path"] == _LOGOUT:
            # the one it repeats has ended the session
            caller = last_caller(scope)
        user = f"user:{caller.user_id}" if caller else "anonymous"
        cookie = "" if caller else HTTPConnection(scope).cookies.get(cookies.REFRESH, "")
        self.owner = owner(scope)
        """Whose room the answer takes."""
        self.name = hashlib.sha256(f"{user}\0{key}".encode()).hexdigest()
        self.scope = scope
        self.send = send
        self.body = body_of(scope)
        self._key = key
        self._request = b" ".join(
            [user.encode(), scope["method"].encode(), scope["path"].encode(), scope["query_string"], cookie.encode()]
        )
        self._receive = receive
        self._hash = hashlib.sha256(self.body or b"")
        self._whole = self.body is not None

    def seal(self, body_sha256: bytes) -> Seal:
        return Seal(self._key, self._request, body_sha256)

    async def receive(self) -> Message:
        """Hashes a body that is read bit by bit on its way to the application."""
        message = await self._receive()
        if self.body is None and message["type"] == "http.request":
            self._hash.update(message.get("body", b""))
            self._whole = not message.get("more_body", False)
        return message

    def read_sha256(self) -> bytes | None:
        """None when the body was not read to its end."""
        return self._hash.digest() if self._whole else None

    async def body_sha256(self, idle_seconds: float) -> bytes:
        """Reads what is left of the body without storing it. Raises TooSlow, ClientDisconnect."""
        while not self._whole:
            try:
                async with asyncio.timeout(idle_seconds):
                    message = await self.receive()
            except TimeoutError as error:
                raise TooSlow(f"Nothing has come for {idle_seconds:g} s.") from error
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
        return self._hash.digest()

    async def send_again(self, answer: Answer) -> None:
        start: Message = {"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)}
        MutableHeaders(scope=start)[REPLAYED] = "true"
        await self.send(start)
        await self.send({"type": "http.response.body", "body": answer.body})


class _Held:
    """An answer that is held back until it is kept."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Message] = []
        self._size = 0

    async def __call__(self, message: Message) -> None:
        self._messages.append(message)
        self._size += len(message.get("body", b""))
        if self._size > _LARGEST_HELD:
            await self.let_go()

    async def let_go(self) -> None:
        for message in self._messages:
            await self._send(message)
        self._messages = []

    def answer(self) -> Answer | None:
        """None for one that was too long to hold."""
        if not self._messages or self._size > _LARGEST_HELD:
            return None
        start, *rest = self._messages
        return Answer(start["status"], list(start["headers"]), b"".join(message.get("body", b"") for message in rest))


def _opened(record: bytes, seal: Seal) -> Answer:
    try:
        return read_record(record, seal)
    except OtherRequest as error:
        message = f"This {HEADER} was used for another request. Take a new one for each request."
        raise Unprocessable(message, code="IDEMPOTENCY_KEY_REUSED") from error
    except NotKept as error:
        message = "This request was done, but its answer could not be kept. Ask for what it has made instead."
        raise Conflict(message, code="IDEMPOTENCY_ANSWER_TOO_LARGE") from error


def _is_final(answer: Answer) -> bool:
    """Whether the same request would get the same answer, and must not be done again."""
    if answer.status >= 500 or answer.status in _NOT_KEPT:
        return False
    return answer.status < 400 or _code(answer.body) not in _TRY_AGAIN


def _code(body: bytes) -> str | None:
    try:
        return str(json.loads(body)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return None
