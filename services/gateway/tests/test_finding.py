"""Albums as a filter, cursors, and the change feed over several services."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from mizzap_common.contracts import albums, feed, library, requests
from mizzap_common.cursors import InvalidCursor
from mizzap_common.errors import InvalidInput, NotFound
from mizzap_gateway import changes as route

NOW = datetime(2025, 10, 23, 10, tzinfo=UTC)
ALBUM = albums.AlbumWithPhotos(
    id=4, owner_id=1, role="owner", version=1, name="A", description=None, cover_photo_id=None, visibility="private",
    photo_count=2, created_at=NOW, updated_at=NOW, photo_ids=[9, 5],
)  # fmt: skip
BAD_CURSORS = ["", "%00", "é", "a.b", "a" * 5000, "AAAA", base64.urlsafe_b64encode(b'{"photos":-1}').decode()]


async def test_the_photos_of_an_album_are_what_albums_says(gateway, user_id, ask) -> None:
    gateway.others.say(requests.ALBUMS_GET, ALBUM)
    gateway.others.say(requests.PHOTOS_LIST, library.PhotoPage(photos=[], total=0))
    assert (await ask("GET", "/photos?albumId=4")).status_code == 200
    [asked] = gateway.others.questions(requests.ALBUMS_GET)
    assert (asked.user_id, asked.album_id) == (user_id, 4)
    [asked] = gateway.others.questions(requests.PHOTOS_LIST)
    assert (asked.album_id, asked.album_photo_ids) == (4, [9, 5])


async def test_an_album_that_is_not_the_callers_lists_nothing(gateway, ask, error_of) -> None:
    gateway.others.say(requests.ALBUMS_GET, NotFound("There is no such album."))
    response = await ask("GET", "/photos?albumId=4")
    assert response.status_code == 404 and error_of(response)["code"] == "NOT_FOUND"
    assert gateway.others.questions(requests.PHOTOS_LIST) == []


async def test_by_cursor_nothing_is_counted(gateway, ask) -> None:
    gateway.others.say(requests.PHOTOS_LIST, library.PhotoPage(photos=[], total=None, next_cursor="next"))
    found = (await ask("GET", "/photos?cursor=abc&limit=7")).json()["pagination"]
    assert found == {
        "page": None, "limit": 7, "total": None, "hasMore": True, "totalPages": None, "nextCursor": "next",
    }  # fmt: skip
    [asked] = gateway.others.questions(requests.PHOTOS_LIST)
    assert asked.cursor == "abc"
    gateway.others.say(requests.PHOTOS_LIST, library.PhotoPage(photos=[], total=None, next_cursor=None))
    assert (await ask("GET", "/photos?cursor=abc")).json()["pagination"]["hasMore"] is False


@pytest.mark.parametrize("cursor", BAD_CURSORS[:5])
async def test_what_can_be_no_cursor_of_a_list_is_refused(gateway, ask, error_of, cursor) -> None:
    response = await ask("GET", f"/photos?cursor={cursor}")
    assert response.status_code == 400 and error_of(response)["code"] == "INVALID_CURSOR"
    assert gateway.others.questions(requests.PHOTOS_LIST) == []


async def test_a_cursor_that_the_service_refuses_is_refused(gateway, ask, error_of) -> None:
    gateway.others.say(requests.PHOTOS_LIST, InvalidInput("No.", code="INVALID_CURSOR"))
    response = await ask("GET", "/photos?cursor=abc")
    assert response.status_code == 400 and error_of(response)["code"] == "INVALID_CURSOR"


# --- the change feed -----------------------------------------------------------------------------------------------


class Source:
    """A service with a feed, one thing a change."""

    def __init__(self, kind: str, count: int) -> None:
        self.kind = kind
        self.count = count
        self.epoch = 0

    def answer(self, question: feed.ChangesRequest) -> feed.ChangesPage:
        if question.after and question.epoch != self.epoch:
            raise InvalidCursor
        last = min(self.count, question.after + question.limit)
        changes = [
            feed.Change(seq=seq, kind=self.kind, id=seq, change="created", at=NOW, data={"id": seq})
            for seq in range(question.after + 1, last + 1)
        ]
        return feed.ChangesPage(changes=changes, last=last, epoch=self.epoch, more=last < self.count)


@pytest.fixture
def sources(gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Source]]:
    """Two services with a feed each; albums' one stands in for any second one."""
    second = requests.Method("albums", "list", feed.ChangesRequest, feed.ChangesPage)
    monkeypatch.setattr(route, "FEEDS", (requests.PHOTOS_CHANGES, second))
    made = {"photos": Source("photo", 5), "albums": Source("album", 4)}
    ask = type(gateway.app.state.parts.bus).ask

    async def asked(bus: Any, method: Any, question: Any) -> Any:
        if isinstance(question, feed.ChangesRequest):
            return made[method.service].answer(question)
        return await ask(bus, method, question)

    monkeypatch.setattr(type(gateway.app.state.parts.bus), "ask", asked)
    yield made


async def follow(ask, limit: int, cursor: str | None = None) -> tuple[list[tuple[str, int]], str]:
    found: list[tuple[str, int]] = []
    while True:
        answer = (await ask("GET", f"/changes?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))).json()
        assert len(answer["data"]) <= limit
        assert all(set(change) == {"kind", "id", "change", "at", "data"} for change in answer["data"])
        found += [(change["kind"], change["id"]) for change in answer["data"]]
        cursor = answer["cursor"]
        if not answer["hasMore"]:
            return found, cursor


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 9, 100])
async def test_all_services_changes_come_each_once_and_from_any_cursor(ask, sources, limit) -> None:
    found, cursor = await follow(ask, limit)
    assert found == [("photo", number) for number in range(1, 6)] + [("album", number) for number in range(1, 5)]
    assert (await follow(ask, limit, cursor))[0] == []
    sources["photos"].count += 2
    sources["albums"].count += 1
    assert (await follow(ask, limit, cursor))[0] == [("photo", 6), ("photo", 7), ("album", 5)]


async def test_each_service_is_asked_as_the_caller_for_what_there_is_still_room_for(gateway, user_id, ask) -> None:
    for number, method in enumerate(route.FEEDS, 1):
        change = feed.Change(seq=number, kind="photo", id=number, change="deleted", at=NOW, data=None)
        gateway.others.say(method, feed.ChangesPage(changes=[change], last=number, more=False))
    answer = (await ask("GET", "/changes?limit=7")).json()
    assert [change["id"] for change in answer["data"]] == list(range(1, len(route.FEEDS) + 1))
    await ask("GET", f"/changes?limit=7&cursor={answer['cursor']}")
    for number, method in enumerate(route.FEEDS):
        asked = [(one.user_id, one.after, one.limit) for one in gateway.others.questions(method)]
        assert asked == [(user_id, 0, 7 - number), (user_id, number + 1, 7 - number)]


async def test_a_service_that_joins_later_is_read_from_its_beginning(ask, sources, monkeypatch) -> None:
    both = route.FEEDS
    monkeypatch.setattr(route, "FEEDS", both[:1])
    _, cursor = await follow(ask, 3)
    monkeypatch.setattr(route, "FEEDS", both)
    assert (await follow(ask, 3, cursor))[0] == [("album", number) for number in range(1, 5)]


async def test_a_service_out_of_a_backup_is_followed_from_the_beginning(ask, sources, error_of) -> None:
    _, cursor = await follow(ask, 2)
    sources["albums"].epoch = 77
    response = await ask("GET", f"/changes?cursor={cursor}")
    assert response.status_code == 400 and error_of(response)["code"] == "INVALID_CURSOR"
    found, cursor = await follow(ask, 2)
    assert len(found) == 9
    sources["albums"].count += 1
    assert (await follow(ask, 2, cursor))[0] == [("album", 5)]


async def test_a_cursor_from_before_there_were_epochs_is_good_until_a_backup_is_restored(ask, sources) -> None:
    old = base64.urlsafe_b64encode(b'{"albums":3,"photos":4}').decode().rstrip("=")
    assert (await follow(ask, 100, old))[0] == [("photo", 5), ("album", 4)]
    sources["photos"].epoch = 77
    assert (await ask("GET", f"/changes?cursor={old}")).status_code == 400


async def test_a_gateway_that_does_not_know_a_service_yet_keeps_its_position(ask, sources, monkeypatch) -> None:
    both = route.FEEDS
    _, cursor = await follow(ask, 100)
    monkeypatch.setattr(route, "FEEDS", both[:1])
    _, cursor = await follow(ask, 100, cursor)
    monkeypatch.setattr(route, "FEEDS", both)
    assert (await follow(ask, 100, cursor))[0] == []


@pytest.mark.parametrize(
    "cursor",
    [*BAD_CURSORS, *(base64.urlsafe_b64encode(json.dumps(bad).encode()).decode().rstrip("=")
     for bad in ([], None, {"photos": True}, {"photos": 1.5}, {"photos": 2**63}, {"photos": "1"}))],
)  # fmt: skip
async def test_what_is_no_cursor_of_the_feed_is_refused(gateway, ask, error_of, cursor) -> None:
    response = await ask("GET", f"/changes?cursor={cursor}")
    assert response.status_code == 400 and error_of(response)["code"] == "INVALID_CURSOR"
    assert gateway.others.questions(requests.PHOTOS_CHANGES) == []
