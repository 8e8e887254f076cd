"""Answers from memory: good until something changes, whoever changed it, and nobody else's."""

import socket
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from mizzap_common import testing
from mizzap_common.bus import Bus
from mizzap_common.contracts import albums, invalidation, library, requests
from mizzap_common.contracts.message import Message
from mizzap_common.errors import NotFound, Unavailable
from mizzap_gateway.remembered import OBJECTS_PER_JSON, SECONDS, Remembered

from services.gateway.tests.conftest import a_photo
from services.gateway.tests.routes_and_questions import PHOTO
from services.gateway.tests.test_idempotency import ALBUM

MANY = 64 << 20


class Albums:
    """Answers ``albums.list`` with a number that a test turns."""

    def __init__(self) -> None:
        self.total = 0
        self.asked = 0
        self.padding = ""
        self.refusal: Exception | None = None
        self.on_question: Any = None

    async def list(self, question: albums.ListAlbums) -> albums.AlbumPage:
        self.asked += 1
        if self.refusal:
            raise self.refusal
        total = self.total
        if self.on_question:
            await self.on_question()
        shown = [albums.Album(**{**ALBUM, "name": f"{self.padding}of {question.user_id}"})]
        return albums.AlbumPage(albums=shown, total=total)


@pytest.fixture
def service() -> Albums:
    return Albums()


@pytest.fixture
async def outside(nats_url: str, service: Albums) -> AsyncIterator[Bus]:
    async with testing.outsider(nats_url, [(requests.ALBUMS_LIST, service.list)]) as bus:
        yield bus


@pytest.fixture
async def bus(nats_url: str, outside: Bus) -> AsyncIterator[Bus]:
    bus = Bus("gateway", nats_url)
    await bus.connect()
    yield bus
    await bus.stop()


async def remembering(bus: Bus, most_bytes: int = MANY) -> Remembered:
    made = Remembered(bus, most_bytes)
    await made.start()
    return made


async def total(remembered: Remembered, user_id: int = 1, page: int = 1) -> int:
    return (await remembered.ask(requests.ALBUMS_LIST, albums.ListAlbums(user_id=user_id, page=page))).total


def say_changed(url: str, user_id: int, service: str = "albums") -> None:
    """To the broker, from a connection that leaves the event loop no turn: it has it when this returns."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port)) as line:
        line.sendall(b'CONNECT {"verbose":false}\r\nPUB ' + invalidation.subject(service, user_id).encode())
        line.sendall(b" 0\r\n\r\nPING\r\n")
        received = b""
        while b"PONG" not in received:
            received += line.recv(4096)


async def test_what_has_not_changed_is_not_asked_twice(bus: Bus, service: Albums) -> None:
    remembered = await remembering(bus)
    assert [await total(remembered) for _ in range(5)] == [0] * 5 and service.asked == 1
    await total(remembered, page=2)
    assert service.asked == 2, "another question"


async def test_what_was_said_before_a_question_is_heard_before_its_answer(
    bus: Bus, service: Albums, nats_url: str
) -> None:
    remembered = await remembering(bus)
    for number in range(50):
        service.total = number
        # behind the commit, before the answer to whoever changed it, who may then ask here at once
        say_changed(nats_url, 1)
        assert await total(remembered) == number
        assert await total(remembered) == number
    assert service.asked == 50


async def test_only_the_users_and_the_services_own_are_forgotten(bus: Bus, service: Albums, nats_url: str) -> None:
    remembered = await remembering(bus)
    await total(remembered, 1)
    say_changed(nats_url, 2)
    say_changed(nats_url, 1, "photos")
    await total(remembered, 1)
    assert service.asked == 1


async def test_each_user_gets_the_own_answer(bus: Bus) -> None:
    remembered = await remembering(bus)
    for _ in range(2):
        for user_id in (1, 2):
            page = await remembered.ask(requests.ALBUMS_LIST, albums.ListAlbums(user_id=user_id))
            assert page.albums[0].name == f"of {user_id}"


async def test_an_answer_that_was_on_its_way_while_something_changed_is_not_kept(
    bus: Bus, service: Albums, nats_url: str
) -> None:
    remembered = await remembering(bus)

    async def change() -> None:
        service.on_question = None
        service.total = 7
        say_changed(nats_url, 1)

    service.on_question = change
    assert await total(remembered) == 0, "as it was when the service looked"
    assert await total(remembered) == 7


async def test_refusals_are_not_remembered(bus: Bus, service: Albums) -> None:
    remembered = await remembering(bus)
    service.refusal = NotFound("nothing there")
    with pytest.raises(NotFound):
        await total(remembered)
    service.refusal = None
    assert await total(remembered) == 0


async def test_after_a_broken_line_everything_is_asked_anew(bus: Bus, service: Albums, servers: Any) -> None:
    remembered = await remembering(bus)
    for page in (1, 2):
        await total(remembered, page=page)
    servers.kill("nats")
    service.total = 5  # and nobody could hear of it
    servers.restart("nats")

    async def answered() -> bool:
        try:
            assert [await total(remembered, page=page) for page in (1, 2)] == [5, 5]
        except Unavailable:
            return False
        return True

    await testing.eventually(answered, 30)


async def test_no_more_is_kept_than_is_allowed(bus: Bus, service: Albums) -> None:
    remembered = await remembering(bus, most_bytes=700_000)
    service.padding = "x" * 1000
    for page in range(1, 300):
        await total(remembered, page=page)
    assert remembered._answers.currsize <= 700_000 and len(remembered._answers) > 10
    service.padding = "x" * 20_000
    kept = len(remembered._answers)
    await total(remembered, user_id=9)
    assert len(remembered._answers) == kept, "one answer does not push out all others"


@pytest.mark.parametrize(
    "answer",
    [
        library.PhotoPage(photos=[a_photo(n, f"IMG_{n}.jpg") for n in range(100)], total=3000),
        albums.AlbumPage(albums=[albums.Album(**{**ALBUM, "id": n}) for n in range(40)], total=40),
        library.StoredObject(object_key="user-1/" + "k" * 40, mime_type="image/webp", size_bytes=9, etag="e" * 32),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_an_answer_counts_as_what_it_takes_in_memory(answer: Message) -> None:
    said, copies = answer.to_json(), 50
    type(answer).model_validate_json(said)  # what a class makes once is no part of it
    tracemalloc.start()
    kept = [type(answer).model_validate_json(said) for _ in range(copies)]
    taken = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    assert OBJECTS_PER_JSON / 2 < taken / len(said) <= OBJECTS_PER_JSON


async def test_nothing_is_remembered_where_nothing_may_be(bus: Bus, service: Albums) -> None:
    remembered = await remembering(bus, most_bytes=0)
    for _ in range(3):
        await total(remembered)
    assert service.asked == 3


ABOUT_PHOTO = {"user_id": 1, "photo_id": 7}
SHOWN = library.StoredObject(object_key="k", mime_type="image/jpeg", size_bytes=1, etag="e")
TIMES: list[tuple[requests.Method[Any, Any], Any, Any, int]] = [
    (requests.ALBUMS_LIST, albums.ListAlbums(user_id=1), albums.AlbumPage(albums=[], total=0), 5),
    (
        requests.ALBUMS_GET,
        albums.AlbumRequest(user_id=1, album_id=4),
        albums.AlbumWithPhotos(**ALBUM, photo_ids=[]),
        5,
    ),
    (requests.PHOTOS_GET, library.PhotoRequest(**ABOUT_PHOTO), PHOTO, 10),
    (requests.PHOTOS_LIST, library.ListPhotos(user_id=1), library.PhotoPage(photos=[], total=0), 10),
    (requests.THUMBS_LOCATE, library.LocateRendition(**ABOUT_PHOTO), SHOWN, 60),
]
"""What may be remembered, and for how many minutes: the specification's own numbers."""


@pytest.mark.parametrize(("method", "question", "answer", "minutes"), TIMES, ids=[t[0].subject for t in TIMES])
async def test_nothing_is_remembered_longer_than_the_specification_allows(
    nats_url: str, method: requests.Method[Any, Any], question: Any, answer: Any, minutes: int
) -> None:
    now, asked = 1000.0, 0

    async def reply(_: Any) -> Any:
        nonlocal asked
        asked += 1
        return answer

    async with testing.outsider(nats_url, [(method, reply)]) as outside:
        await outside.client.flush()
        bus = Bus("gateway", nats_url)
        await bus.connect()
        remembered = Remembered(bus, MANY, clock=lambda: now)
        await remembered.start()
        assert await remembered.ask(method, question) == answer
        now += 60 * minutes - 1
        assert await remembered.ask(method, question) == answer and asked == 1, "not asked again before"
        now += 2
        assert await remembered.ask(method, question) == answer and asked == 2, "the first answer's time is over"
        await bus.stop()


def test_every_time_is_held() -> None:
    assert {method for method, *_ in TIMES} == set(SECONDS)


def test_what_is_remembered_is_a_users() -> None:
    for method in SECONDS:
        assert issubclass(method.request, library.UserRequest) and method.service in invalidation.SOURCES
