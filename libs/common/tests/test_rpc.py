"""Questions between services on the real broker: answers, typed errors, silence."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from minio.error import MinioException
from mizzap_common.bus import Bus
from mizzap_common.contracts import library, requests
from mizzap_common.errors import Conflict, InvalidInput, MizzapError, NotFound, Unavailable
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

METHOD = requests.THUMBS_COUNT


@asynccontextmanager
async def answering(url: str, handler: object) -> AsyncIterator[Bus]:
    bus = Bus("thumbs", url)
    bus.answer(METHOD, handler)  # type: ignore[arg-type]
    await bus.connect()
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


async def test_an_answer_comes_back_as_its_own_type(nats_url: str) -> None:
    async def count(request: library.UserRequest) -> library.Count:
        return library.Count(count=request.user_id + 1)

    async with answering(nats_url, count) as bus:
        assert await bus.ask(METHOD, library.UserRequest(user_id=4)) == library.Count(count=5)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (NotFound("No such photo.", photo_id=4), NotFound),
        (Conflict("Again, please.", code="UPLOAD_AGAIN"), Conflict),
        (KeyError("a bug"), MizzapError),
        (OSError("store away"), Unavailable),
        (OperationalError("database away", None, OSError()), Unavailable),
        (PoolTimeout("every connection is taken"), Unavailable),
        (ProgrammingError("a bug in our SQL", None, OSError()), MizzapError),
        (MinioException("store starting"), Unavailable),
    ],
)
async def test_an_error_comes_back_as_its_own_type(nats_url: str, raised: Exception, kind: type[MizzapError]) -> None:
    async def refuse(request: library.UserRequest) -> library.Count:
        raise raised

    async with answering(nats_url, refuse) as bus:
        with pytest.raises(MizzapError) as caught:
            await bus.ask(METHOD, library.UserRequest(user_id=4))
    assert type(caught.value) is kind
    if isinstance(raised, MizzapError):
        assert (caught.value.code, caught.value.message) == (raised.code, raised.message)
        assert caught.value.details == raised.details
    else:
        assert "bug" not in caught.value.message and "store" not in caught.value.message


async def test_a_request_that_is_none_is_invalid_input(nats_url: str) -> None:
    async def count(request: library.UserRequest) -> library.Count:
        raise AssertionError("not reached")

    class Odd(library.UserRequest):
        surprise: int = 1

    async with answering(nats_url, count) as bus:
        with pytest.raises(InvalidInput) as caught:
            await bus.ask(METHOD, Odd(user_id=4))
    assert caught.value.details["field"] == "surprise"


async def test_silence_is_unavailable(nats_url: str) -> None:
    bus = Bus("gateway", nats_url)
    await bus.connect()
    await bus.start()
    with pytest.raises(Unavailable) as caught:
        await bus.ask(METHOD, library.UserRequest(user_id=4))
    assert caught.value.details == {"service": "thumbs"}
    await bus.stop()
