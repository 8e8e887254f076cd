"""What a page needs of its WebSocket: tickets, a heartbeat that it sees, and what it has missed."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets
from mizzap_common import cursors, service, testing
from mizzap_common.contracts import catalog, events, requests
from mizzap_common.contracts.feed import Change as FeedChange
from mizzap_common.contracts.feed import ChangesPage, ChangesRequest
from mizzap_common.errors import InvalidInput, Unavailable
from mizzap_gateway.changes import FEEDS, Change, Changes
from mizzap_gateway.settings import GatewaySettings


def _url(gateway: Any, query: str) -> str:
    return f"{gateway.url.replace('http', 'ws')}/ws?{query}"


async def _next(connection: websockets.ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        message: dict[str, Any] = json.loads(await connection.recv())
    return message


async def _close_code(connection: websockets.ClientConnection) -> int | None:
    async with asyncio.timeout(10):
        await connection.wait_closed()
    return connection.close_code


async def _ticket(gateway: Any, user_id: int) -> str:
    answer = await gateway.http.post("/api/v1/ws/ticket", headers=gateway.login(user_id))
    assert answer.status_code == 201
    assert answer.json()["data"]["expiresIn"] == 30
    assert answer.headers["Cache-Control"] == "no-store"
    return str(answer.json()["data"]["ticket"])


async def test_a_ticket_opens_its_user_s_socket(gateway, user_id) -> None:
    ticket = await _ticket(gateway, user_id)
    async with websockets.connect(_url(gateway, f"ticket={ticket}"), proxy=None) as connection:
        payload = events.PhotoProcessed(user_id=user_id, photo_id=7)
        await testing.publish_event(gateway.bus.jetstream, catalog.PHOTO_PROCESSED, payload)
        assert (await _next(connection))["data"] == {"userId": user_id, "photoId": 7, "version": 0}


async def test_a_ticket_counts_once_over_all_gateways(start_gateway, gateway, user_id) -> None:
    ticket = await _ticket(gateway, user_id)
    async with start_gateway() as other:

        async def try_it(to: Any) -> str:
            async with websockets.connect(_url(to, f"ticket={ticket}"), proxy=None) as connection:
                try:
                    async with asyncio.timeout(1.5):
                        await connection.wait_closed()
                except TimeoutError:
                    return "open"
                return str(connection.close_code)

        outcomes = Counter(await asyncio.gather(*(try_it(gateway if n % 2 else other) for n in range(12))))
    assert outcomes == {"open": 1, "4401": 11}


async def test_a_socket_by_ticket_closes_with_its_session(gateway, user_id) -> None:
    tickets = [await _ticket(gateway, user_id) for _ in range(2)]
    async with websockets.connect(_url(gateway, f"ticket={tickets[0]}"), proxy=None) as connection:
        assert (await connection.ping()) is not None
        payload = events.SessionEnded(user_id=user_id, session_id=1)
        await testing.publish_event(gateway.bus.jetstream, catalog.SESSION_ENDED, payload)
        assert await _close_code(connection) == 4401
    async with websockets.connect(_url(gateway, f"ticket={tickets[1]}"), proxy=None) as connection:
        assert await _close_code(connection) == 4401, "the ticket of a session that has ended"
        assert connection.close_reason == "SESSION_ENDED"


async def test_a_ticket_says_who_though_a_browser_sends_a_cookie(gateway, user_id) -> None:
    ticket = await _ticket(gateway, user_id)
    cookie = {"Cookie": f"__Host-mizzap_access={gateway.signer.token(user_id + 1)}"}
    query = f"ticket={ticket}"
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(
            _url(gateway, query), proxy=None, additional_headers=cookie, origin="https://evil.test"
        )
    async with websockets.connect(_url(gateway, query), proxy=None, additional_headers=cookie) as connection:
        payload = events.PhotoProcessed(user_id=user_id, photo_id=8)
        await testing.publish_event(gateway.bus.jetstream, catalog.PHOTO_PROCESSED, payload)
        assert (await _next(connection))["data"]["photoId"] == 8


async def test_a_ticket_and_a_token_are_one_too_many(gateway, user_id) -> None:
    query = f"ticket={await _ticket(gateway, user_id)}&token={gateway.signer.token(user_id)}"
    async with websockets.connect(_url(gateway, query), proxy=None) as connection:
        assert await _close_code(connection) == 4401
        assert connection.close_reason == "TWO_CREDENTIALS"


@pytest.mark.parametrize("ticket", ["", "nonsense", "x" * 5000, "a.b.*", "%00", "é"])
async def test_what_is_no_ticket_opens_nothing(gateway, ticket) -> None:
    async with websockets.connect(_url(gateway, f"ticket={ticket}"), proxy=None) as connection:
        assert await _close_code(connection) == 4401


async def test_a_ticket_needs_a_session_and_is_gone_when_its_time_is(gateway, user_id) -> None:
    assert (await gateway.http.post("/api/v1/ws/ticket")).status_code == 401
    await _ticket(gateway, user_id)
    info = await gateway.bus.jetstream.stream_info("KV_tickets")
    assert (info.config.max_age, info.config.storage) == (30, "memory")


@pytest.mark.parametrize("origin", ["https://evil.test", "http://localhost.evil.test", "null"])
async def test_a_foreign_page_gets_no_handshake(gateway, user_id, origin) -> None:
    ticket = await _ticket(gateway, user_id)
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(_url(gateway, f"ticket={ticket}"), proxy=None, origin=origin)
    assert refused.value.response.status_code == 403
    # and the ticket is not spent
    async with websockets.connect(
        _url(gateway, f"ticket={ticket}"), proxy=None, origin="http://localhost:3000"
    ) as connection:
        assert (await connection.ping()) is not None


async def test_silence_is_told(start_gateway, user_id) -> None:
    async with start_gateway(socket_ping_seconds=0.1) as gateway:
        query = f"ticket={await _ticket(gateway, user_id)}"
        async with websockets.connect(_url(gateway, query), proxy=None) as connection:
            assert [await _next(connection) for _ in range(3)] == [{"event": "ping"}] * 3
            payload = events.PhotoProcessed(user_id=user_id, photo_id=7)
            await testing.publish_event(gateway.bus.jetstream, catalog.PHOTO_PROCESSED, payload)

            async def event() -> bool:
                return bool((await _next(connection))["event"] == "photo:processed")

            await testing.eventually(event)


_AT = datetime(2026, 11, 25, tzinfo=UTC)


class _Feed:
    """Pages of two changes, up to the fifth; a live event happens while the first is asked for."""

    def __init__(self, gateway: Any) -> None:
        self.asked: list[tuple[int, str]] = []
        self._gateway = gateway

    async def __call__(self, user_id: int, cursor: str) -> Changes:
        self.asked.append((user_id, cursor))
        if not cursor.isdecimal():
            raise InvalidInput("That is no cursor.") if cursor != "later" else Unavailable("Not now.")
        if cursor == "0":
            body = events.PhotoProcessed(user_id=user_id, photo_id=99).to_json()
            await self._gateway.app.state.parts.sockets.watch(catalog.PHOTO_PROCESSED, body, {})
        after = int(cursor)
        ids = range(after + 1, min(after + 3, 6))
        changes = [Change(kind="photo", id=number, change="created", at=_AT, data=None) for number in ids]
        last = max(ids, default=after)
        return Changes(data=changes, cursor=str(last), has_more=last < 5)


@pytest.fixture
def feed(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> _Feed:
    feed = _Feed(gateway)
    monkeypatch.setattr(gateway.app.state.parts.sockets, "_ask_missed", feed)
    return feed


async def test_a_socket_begins_with_what_was_missed(gateway, user_id, feed) -> None:
    query = f"ticket={await _ticket(gateway, user_id)}&cursor=0"
    async with websockets.connect(_url(gateway, query), proxy=None) as connection:
        pages = [await _next(connection) for _ in range(3)]
        assert [(page["event"], [change["id"] for change in page["data"]], page["cursor"]) for page in pages] == [
            ("changes", [1, 2], "2"), ("changes", [3, 4], "4"), ("changes", [5], "5"),
        ]  # fmt: skip
        # what happened meanwhile has waited
        assert (await _next(connection))["data"]["photoId"] == 99
    assert feed.asked == [(user_id, "0"), (user_id, "2"), (user_id, "4")]


@pytest.mark.parametrize(("cursor", "code"), [("nonsense", 4400), ("later", 1013)])
async def test_a_cursor_that_can_not_be_resumed_from_is_told(gateway, user_id, feed, cursor, code) -> None:
    query = f"ticket={await _ticket(gateway, user_id)}&cursor={cursor}"
    async with websockets.connect(_url(gateway, query), proxy=None) as connection:
        assert await _close_code(connection) == code
    await testing.eventually(lambda: user_id not in gateway.app.state.parts.sockets._outlets)


async def test_catching_up_counts_page_by_page_and_goes_on_later(start_gateway, gateway, user_id) -> None:
    async def photos(question: ChangesRequest) -> ChangesPage:
        last = min(question.after + question.limit, 900)
        seqs = range(question.after + 1, last + 1)
        changes = [FeedChange(seq=seq, kind="photo", id=seq, change="created", at=_AT, data=None) for seq in seqs]
        return ChangesPage(changes=changes, last=last, more=last < 900)

    async def nothing(_: ChangesRequest) -> ChangesPage:
        return ChangesPage(changes=[], last=0, more=False)

    for method in FEEDS:
        gateway.others.stand_ins[method.subject] = photos if method is requests.PHOTOS_CHANGES else nothing
    token, beginning = gateway.signer.token(user_id), cursors.write_open({})
    async with start_gateway(limits_factor=1.0, api_per_minute=3) as strict:
        address = _url(strict, f"token={token}&cursor={beginning}")
        async with websockets.connect(address, proxy=None) as connection:
            pages = [await _next(connection) for _ in range(3)]
            assert await _close_code(connection) == 1013
            assert connection.close_reason == "RATE_LIMITED"
        refused = await strict.http.get("/api/v1/changes", headers=strict.login(user_id))
        assert refused.status_code == 429
    assert len(gateway.others.questions(requests.PHOTOS_CHANGES)) == 3
    address = _url(gateway, f"token={token}&cursor={pages[-1]['cursor']}")
    async with websockets.connect(address, proxy=None) as connection:
        pages += [await _next(connection) for _ in range(2)]
    assert [change["id"] for page in pages for change in page["data"]] == list(range(1, 901))


async def test_a_peer_that_answers_no_ping_is_gone(start_gateway, user_id) -> None:
    pings = {"ws_ping_interval": 0.2, "ws_ping_timeout": 0.2}
    async with start_gateway(server=pings) as gateway:
        ticket = await _ticket(gateway, user_id)
        address = urlsplit(gateway.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            f"GET /ws?ticket={ticket} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        outlets = gateway.app.state.parts.sockets._outlets
        await testing.eventually(lambda: user_id in outlets)
        await testing.eventually(lambda: user_id not in outlets)
        writer.close()
        assert reader is not None


def test_the_server_is_told_to_ping(monkeypatch) -> None:
    told: dict[str, Any] = {}
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    monkeypatch.setattr("sys.argv", ["mizzap_gateway"])
    monkeypatch.setattr(service.telemetry, "set_up", lambda *_: None)
    monkeypatch.setattr(service.uvicorn, "run", lambda _, **options: told.update(options))
    service.main("gateway", GatewaySettings, lambda settings: None)
    assert told["ws_ping_interval"] == told["ws_ping_timeout"] == 25
    assert told["access_log"] is False
    assert told["forwarded_allow_ips"] == "", "nobody's word counts for where a request came from, unless set"


async def test_one_socket_too_many_is_refused_and_a_closed_one_makes_room(start_gateway, user_id) -> None:
    async with start_gateway(sockets_per_user=2) as gateway:
        address = f"{gateway.url.replace('http', 'ws', 1)}/ws?token={gateway.signer.token(user_id)}"
        async with websockets.connect(address, proxy=None):
            async with websockets.connect(address, proxy=None):
                with pytest.raises(websockets.InvalidStatus) as refused:
                    await websockets.connect(address, proxy=None)
                assert refused.value.response.status_code == 429
                assert json.loads(refused.value.response.body)["error"]["code"] == "TOO_MANY_SOCKETS"
            await testing.eventually(lambda: len(gateway.app.state.parts.sockets._outlets[user_id]) == 1, 10)
            async with websockets.connect(address, proxy=None):
                pass
