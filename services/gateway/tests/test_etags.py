"""Conditional requests for JSON."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from mizzap_common.contracts import library, requests
from mizzap_gateway.etags import ETags
from starlette.responses import JSONResponse, StreamingResponse


@pytest.fixture
def progress(gateway: Any) -> Callable[[int], None]:
    def say(photos: int) -> None:
        found = library.Progress(photos=photos, stored=0, processed=0, failed=0, pending=0)
        gateway.others.say(requests.PHOTOS_PROGRESS, found)

    say(1)
    return say


async def test_what_has_not_changed_is_not_sent_again(progress, ask) -> None:
    first = await ask("GET", "/jobs/progress")
    tag = first.headers["ETag"]
    assert tag.startswith('"') and tag.endswith('"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in first.headers["Vary"]
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await ask("GET", "/jobs/progress", **{"If-None-Match": header})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert again.headers["Cache-Control"] == "private, no-cache"
        assert "Content-Type" not in again.headers


async def test_what_has_changed_is_sent_with_another_tag(progress, ask) -> None:
    tag = (await ask("GET", "/jobs/progress")).headers["ETag"]
    progress(2)
    changed = await ask("GET", "/jobs/progress", **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["data"]["photos"] == 2
    assert changed.headers["ETag"] != tag


async def test_errors_and_posts_have_no_tag(gateway, ask) -> None:
    missing = await ask("GET", "/photos/1", **{"If-None-Match": "*"})
    assert missing.status_code == 404
    assert "ETag" not in missing.headers
    gateway.others.say(requests.PHOTOS_PRECHECK, library.KnownHashes(known=[]))
    posted = await ask("POST", "/photos/precheck", {"sha256": []}, **{"If-None-Match": "*"})
    assert posted.status_code == 200
    assert "ETag" not in posted.headers
    assert posted.headers["Cache-Control"] == "no-store"


async def _get(answer: Any, **headers: str) -> tuple[int, dict[str, str], bytes, int]:
    """Status, headers, body, and in how many pieces it came."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": "/api/v1/x", "headers": raw}
    await ETags(answer)(scope, receive, send)
    start, *rest = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(m.get("body", b"") for m in rest), len(rest)


async def test_a_tag_of_the_answer_s_own_is_kept() -> None:
    answer = JSONResponse({"a": 1}, headers={"ETag": '"v7"', "Cache-Control": "no-store"})
    status, headers, body, _ = await _get(answer)
    assert (status, headers["etag"], headers["cache-control"], body) == (200, '"v7"', "no-store", b'{"a":1}')
    assert (await _get(answer, **{"If-None-Match": '"v7"'}))[0] == 304


async def test_streams_and_large_answers_go_out_as_they_come() -> None:
    async def pieces(size: int) -> Any:
        for _ in range(5):
            yield b"x" * size

    status, headers, body, count = await _get(StreamingResponse(pieces(10), media_type="application/x-ndjson"))
    assert (status, len(body), count) == (200, 50, 6)
    assert "etag" not in headers
    large = StreamingResponse(pieces(1 << 20), media_type="application/json")
    status, headers, body, count = await _get(large, **{"If-None-Match": "*"})
    assert (status, len(body)) == (200, 5 << 20)
    assert "etag" not in headers and count > 1
