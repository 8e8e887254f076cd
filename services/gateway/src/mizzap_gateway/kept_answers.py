"""Answers kept for requests that may come again, in a NATS key-value bucket, sealed.

A record is a claim while its request is being worked on, then the answer.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from cryptography.exceptions import InvalidTag
from mizzap_common.bus import Bus
from mizzap_common.contracts.shared_state import ANSWERS
from mizzap_common.errors import Unavailable
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, KeyNotFoundError, KeyWrongLastSequenceError, NoStreamResponseError
from nats.js.kv import KV_DEL, KV_OP, KeyValue

from mizzap_gateway.seals import Answer, Seal

_CLAIMED, _KEPT, _NOT_KEPT = b"c", b"k", b"l"
_OWNER_BYTES = 8
_ROOM = bytes(128)
"""What a claim is longer than it needs to be. A full bucket takes only what is smaller than what it replaces: half of
this lets a claim be renewed once more, the other half lets it end."""
_LARGEST = 700_000
"""Of a sealed answer: the broker takes messages of a megabyte."""
_WRONG_SEQUENCE = (10071, 10164)
_FULL = 10077
_FULLEST = 0.875
"""Share of the bucket above which nothing new is begun: a broker of several servers takes nothing at all when it is
full, and what is under way must be able to end."""
_MEASURE_SECONDS = 1.0
_FRAME_BYTES = 200
"""What a record takes beside its own bytes: its name and its headers."""
_LOOK_SECONDS, _LOOK_SECONDS_LATER = 0.03, 0.5

log = structlog.get_logger(__name__)


class OtherRequest(Exception):
    """The key was used for another request."""


class NotKept(Exception):
    """The request was done, but its answer was too large to keep, or the bucket too full."""


class Claim:
    """This process works on the request; as long as it lives, nobody else does."""

    def __init__(self, bucket: KeyValue, bus: Bus, name: str, owner: bytes, revision: int, seconds: int) -> None:
        """``owner`` is what this claim's record begins with, and no other's."""
        self._bucket = bucket
        self._bus = bus
        self._name = name
        self._owner = owner
        self._lasts = False
        self._revision = revision
        self._seconds = seconds

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Renews the claim as long as the block runs."""
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(done))
        try:
            yield
        finally:
            # not cancelled: a renewal on its way would leave us with a revision that is none any more
            done.set()
            await renewing

    async def _renew(self, done: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds / 3):
                    await done.wait()
                return
            if self._lasts:
                continue
            try:
                await self._renew_once()
            except (NatsError, TimeoutError, OSError) as error:
                log.warning("a claim could not be renewed", reason=repr(error))

    async def _renew_once(self) -> None:
        try:
            await self._write(self._owner + _ROOM, self._expiry)
        except APIError as error:
            if error.err_code != _FULL:
                raise
            # it could not be renewed again, and must not expire: what it stands for would be done twice
            await self._write(self._owner + _ROOM[: len(_ROOM) // 2], {})
            self._lasts = True

    @property
    def _expiry(self) -> dict[str, str]:
        return {"Nats-TTL": str(self._seconds)}

    async def keep(self, answer: Answer, seal: Seal) -> int:
        """Gives how many bytes the record takes. Where the bucket is too full for the answer, it says that the
        request was done."""
        sealed = await asyncio.to_thread(lambda: seal.close(answer.to_bytes()))
        record = _KEPT + sealed if len(sealed) <= _LARGEST else _NOT_KEPT
        await self._end(record, {})
        return len(record) + _FRAME_BYTES

    async def free(self) -> None:
        """Nothing was done, or not for good: the next such request begins anew."""
        await self._end(b"", {KV_OP: KV_DEL} | self._expiry)

    async def _end(self, record: bytes, headers: dict[str, str]) -> None:
        try:
            try:
                await self._replace(record, headers)
            except APIError as error:
                if error.err_code != _FULL or not record:
                    raise
                log.warning("the kept answers fill their bucket")
                await self._replace(_NOT_KEPT, {})
        except (NatsError, TimeoutError, OSError) as error:
            # the client gets its answer all the same; only its repetition would be worked on once more
            log.warning("an answer is not kept", reason=repr(error))

    async def _replace(self, record: bytes, headers: dict[str, str]) -> None:
        try:
            await self._write(record, headers)
        except KeyWrongLastSequenceError:
            # a renewal of ours whose acknowledgement got lost, or somebody else who took us for dead
            found = await self._bucket.get(self._name)
            if not (found.value or b"").startswith(self._owner):
                raise
            self._revision = found.revision or 0
            await self._write(record, headers)

    async def _write(self, value: bytes, headers: dict[str, str]) -> None:
        """As the client's own update, which takes neither a time to live nor the operation."""
        expected = {"Nats-Expected-Last-Subject-Sequence": str(self._revision)}
        subject = f"{ANSWERS.prefix}{self._name}"
        reply = json.loads((await self._bus.client.request(subject, value, 5, headers=expected | headers)).data)
        if "error" in reply:
            if reply["error"].get("err_code") in _WRONG_SEQUENCE:
                raise KeyWrongLastSequenceError
            raise APIError.from_error(reply["error"])
        self._revision = int(reply["seq"])


class KeptAnswers:
    """The bucket. Raises Unavailable when the broker does not answer: nothing is begun that could happen twice."""

    def __init__(self, bus: Bus, declare: Callable[[], Awaitable[None]], claim_seconds: int) -> None:
        self._bus = bus
        self._declare = declare
        self._seconds = claim_seconds
        self._looking: dict[str, asyncio.Task[bytes | None]] = {}
        self._has_room = True
        self._measuring: asyncio.Task[None] | None = None
        self._measured_at = -_MEASURE_SECONDS

    def _bucket(self) -> KeyValue:
        return KeyValue(ANSWERS.name, ANSWERS.stream, ANSWERS.prefix, self._bus.jetstream, direct=ANSWERS.direct)

    async def claim(self, name: str) -> Claim | None:
        """None when somebody has it already."""
        self._measure_now_and_then()
        owner = _CLAIMED + secrets.token_bytes(_OWNER_BYTES)
        try:
            try:
                revision = await self._create(name, owner + _ROOM)
            except NoStreamResponseError:
                await self._declare()
                revision = await self._create(name, owner + _ROOM)
        except KeyWrongLastSequenceError:
            return None
        except (NatsError, TimeoutError, OSError) as error:
            raise _unavailable(error) from error
        claim = Claim(self._bucket(), self._bus, name, owner, revision, self._seconds)
        if not self._has_room:
            # looked at only now: what is kept is still repeated
            await claim.free()
            raise Unavailable("The room for kept answers is full. Please try again later, or without a key.")
        return claim

    def _measure_now_and_then(self) -> None:
        """Nobody waits for it: a second more or less fills no eighth of the bucket."""
        now = time.monotonic()
        if now - self._measured_at >= _MEASURE_SECONDS and (self._measuring is None or self._measuring.done()):
            self._measured_at = now
            self._measuring = asyncio.create_task(self._measure())

    async def _measure(self) -> None:
        try:
            info = await self._bus.jetstream.stream_info(ANSWERS.stream)
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("how full the kept answers' bucket is can't be told", reason=repr(error))
            return
        most = info.config.max_bytes or 0
        self._has_room = most <= 0 or info.state.bytes < _FULLEST * most

    async def _create(self, name: str, value: bytes) -> int:
        return await self._bucket().create(name, value, msg_ttl=self._seconds)

    async def wait(self, name: str, seconds: float) -> bytes | None:
        """The record when its request has ended, None when the claim is free again. Raises TimeoutError.

        All who wait for the same one look together.
        """
        looking = self._looking.get(name)
        if looking is None:
            looking = self._looking[name] = asyncio.create_task(self._look(name))
            looking.add_done_callback(lambda task: self._looked(name, task))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(looking)
        except TimeoutError:
            raise
        except (NatsError, OSError) as error:
            raise _unavailable(error) from error

    def _looked(self, name: str, task: asyncio.Task[bytes | None]) -> None:
        self._looking.pop(name, None)
        if not task.cancelled():
            task.exception()  # all who waited may be gone

    async def _look(self, name: str) -> bytes | None:
        """Ends by itself: a claim that nobody renews expires."""
        pause = _LOOK_SECONDS
        while True:
            try:
                value = (await self._bucket().get(name)).value or b""
            except (KeyNotFoundError, NoRespondersError):
                return None
            if value[:1] != _CLAIMED:
                return value
            await asyncio.sleep(pause)
            pause = min(_LOOK_SECONDS_LATER, pause * 1.3)


def read_record(record: bytes, seal: Seal) -> Answer:
    """Raises OtherRequest and NotKept."""
    if record == _NOT_KEPT:
        raise NotKept
    try:
        return Answer.from_bytes(seal.open(record[1:]))
    except InvalidTag as error:
        raise OtherRequest from error


def _unavailable(error: Exception) -> Unavailable:
    log.warning("the kept answers can't be reached", reason=repr(error))
    return Unavailable("A part of the service does not answer right now. Please try again.")
