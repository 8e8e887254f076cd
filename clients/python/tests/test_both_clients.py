"""What holds for the client that is awaited and for the one that isn't: written once, run with both."""

import asyncio
import hashlib
import inspect
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from mizzap_client import errors, operations, schemas
from mizzap_client.api import AsyncClient, Client
from mizzap_client.models import Session
from mizzap_client.multipart import FileChanged
from starlette.responses import JSONResponse

from clients.python.tests import shapes

Do = Callable[..., Any]


@pytest.fixture(params=["awaited", "blocking"])
async def do(request: pytest.FixtureRequest, address: str) -> AsyncIterator[Do]:
    """`await do("me")` calls a method of a client that is logged in; `do.client` is the client."""
    session = Session.model_validate(shapes.session(1))
    kept: list[Session] = []

    async def awaited(name: str, *values: Any, **named: Any) -> Any:
        found = getattr(client, name)(*values, **named)
        if inspect.isasyncgen(found):
            return [item async for item in found]
        return await found

    async def blocking(name: str, *values: Any, **named: Any) -> Any:
        def call() -> Any:
            found = getattr(client, name)(*values, **named)
            return list(found) if inspect.isgenerator(found) else found

        return await asyncio.get_running_loop().run_in_executor(threads, call)

    client: Any
    if request.param == "awaited":
        async with AsyncClient(address, session, patience=5, on_session=kept.append) as client:
            awaited.client, awaited.kept = client, kept  # type: ignore[attr-defined]
            yield awaited
    else:
        with ThreadPoolExecutor(8) as threads, Client(address, session, patience=5, on_session=kept.append) as client:
            blocking.client, blocking.kept = client, kept  # type: ignore[attr-defined]
            yield blocking


def a_file(folder: Path, content: bytes) -> tuple[Path, str, str, int]:
    path = folder / "file"
    path.write_bytes(content)
    return path, "a.jpg", hashlib.sha256(content).hexdigest(), len(content)


async def test_an_answer_is_what_the_interface_says(do: Any) -> None:
    user = (await do("ask", operations.me())).data
    assert isinstance(user, schemas.User) and user.created_at.tzinfo is not None
    assert await do("me") == user


async def test_pages_are_followed(do: Any, gateway: Any) -> None:
    gateway.stored = {f"{n:064x}": [f"{n}.jpg"] for n in range(250)}
    photos = await do("all", operations.list_photos(limit=100))
    assert [photo.file_name for photo in photos] == [f"{n}.jpg" for n in range(250)]
    assert gateway.requests["/photos"] == 3


async def test_changes_are_followed_from_cursor_to_cursor(do: Any, gateway: Any) -> None:
    gone = {"kind": "photo", "id": 1, "change": "deleted", "at": "2026-11-25T00:00:00Z", "data": None}
    gateway.answers["/changes"] = [
        JSONResponse({"success": True, "data": [gone], "cursor": cursor, "hasMore": more})
        for cursor, more in (("one", True), ("two", False))
    ]
    answers = await do("changes", "none")
    assert [answer.cursor for answer in answers] == ["one", "two"]
    assert gateway.cursors == ["none", "one"], "each goes on where the last one ended"


async def test_what_is_left_out_is_not_sent(do: Any, gateway: Any) -> None:
    with pytest.raises(errors.NotFound):  # this gateway knows no profile; what it was asked is what counts
        await do("ask", operations.update_profile(schemas.ProfileBody(username=None)))
    assert gateway.other_bodies == [b'{"username":null}'], "null takes away, nothing leaves as it is"


async def test_a_passing_trouble_is_waited_out_under_one_key(do: Any, gateway: Any, refuse: Any) -> None:
    gateway.answers["/photos/precheck"] = [refuse(503, "UNAVAILABLE"), refuse(429, "RATE_LIMITED")]
    await do("ask", operations.precheck_photos(schemas.PrecheckBody(sha256=["0" * 64])))
    assert gateway.requests["/photos/precheck"] == 3
    keys = gateway.keys["/photos/precheck"]
    assert len(keys) == 3 and len(set(keys)) == 1 and keys[0], "whatever was done is not done again"
    await do("ask", operations.precheck_photos(schemas.PrecheckBody(sha256=["0" * 64]), idempotency_key="mine"))
    assert gateway.keys["/photos/precheck"][3] == "mine"


async def test_patience_ends(do: Any, gateway: Any, refuse: Any) -> None:
    gateway.answers["/auth/me"] = [refuse(503, "UNAVAILABLE") for _ in range(100)]
    do.client.patience = 0.5
    with pytest.raises(errors.Unreachable, match="UNAVAILABLE"):
        await do("me")


async def test_refusals_are_typed(do: Any, gateway: Any, refuse: Any) -> None:
    gateway.answers["/auth/me"] = [refuse(409, "SOME_CODE")]
    with pytest.raises(errors.Conflict) as raised:
        await do("me")
    assert raised.value.code == "SOME_CODE"


async def test_many_with_an_old_token_refresh_once(do: Any, gateway: Any) -> None:
    gateway.token = 2
    await asyncio.gather(*(do("me") for _ in range(8)))
    assert gateway.requests["/auth/refresh"] == 1
    assert [session.refresh_token for session in do.kept] == ["refresh-2"]


async def test_a_session_that_has_ended(do: Any, gateway: Any) -> None:
    gateway.token = 5
    with pytest.raises(errors.NotLoggedIn):
        await do("me")


async def test_an_upload_outlives_a_gateway_that_dies_twice(do: Any, gateway: Any, line: Any, tmp_path: Path) -> None:
    sent: list[int] = []
    line.cuts = [300_000, 100]
    content = b"x" * 1_000_000
    assert (await do("upload", *a_file(tmp_path, content), on_bytes=sent.append)).status == "stored"
    assert line.accepted == 3
    assert [len(body) for _, _, body in gateway.bodies] == [1_000_000]
    assert sum(sent) == 1_000_000 and min(sent) < 0, "what had to go again is taken back from the progress"


async def test_a_file_that_changes_its_length_is_noticed(do: Any, gateway: Any, tmp_path: Path) -> None:
    path, name, sha256, size = a_file(tmp_path, b"x" * 100)
    for wrong in (size - 1, size + 1):
        with pytest.raises(FileChanged):
            await do("upload", path, name, sha256, wrong)
    assert gateway.bodies == []
    assert (await do("me")).id == 1


async def test_an_answer_of_another_shape_is_told_as_such(do: Any, gateway: Any) -> None:
    gateway.answers["/auth/me"] = [JSONResponse({"success": True, "data": {"id": "?"}})]
    with pytest.raises(errors.NotUnderstood, match="is not one that this client knows"):
        await do("me")


async def test_who_registers_is_logged_in(do: Any, gateway: Any) -> None:
    await do("register", "camille@example.com", "correct horse", ai=True)
    (asked,) = gateway.registered
    assert asked["consents"] == {"ai": True, "marketing": False} and asked["privacyAccepted"] is True
    assert do.kept[-1].access_token == "access-1"


async def test_an_account_whose_answer_got_lost_is_made_once(do: Any, gateway: Any, line: Any) -> None:
    line.lose = b"POST /api/v1/auth/register"
    await do("register", "camille@example.com", "correct horse")
    assert (gateway.requests["/auth/register"], len(gateway.registered)) == (2, 1)
    assert do.kept[-1].access_token == "access-1"


async def test_a_renewal_whose_answer_got_lost_ends_no_session(do: Any, gateway: Any, line: Any) -> None:
    gateway.token, gateway.refreshed = 2, set()
    line.lose = b"POST /api/v1/auth/refresh"
    assert (await do("me")).id == 1
    first, again = gateway.keys["/auth/refresh"]
    assert first == again and first, "its token counts once: only the key says that it is the same request"
    gateway.token = 3
    await do("me")
    assert gateway.keys["/auth/refresh"][2] != first, "each renewal has a key of its own"


async def test_a_trouble_of_the_server_s_ends_no_session(do: Any, gateway: Any, refuse: Any) -> None:
    gateway.token = 2
    gateway.answers["/auth/refresh"] = [refuse(500, "INTERNAL_ERROR")]
    with pytest.raises(errors.ApiError, match="INTERNAL_ERROR"):
        await do("me")
    assert (await do("me")).id == 1


async def test_a_request_that_is_still_worked_on_is_asked_for_again(do: Any, gateway: Any, refuse: Any) -> None:
    gateway.answers["/photos/precheck"] = [refuse(409, "IDEMPOTENCY_IN_FLIGHT")]
    await do("ask", operations.precheck_photos(schemas.PrecheckBody(sha256=["0" * 64])))
    assert len(set(gateway.keys["/photos/precheck"])) == 1 and gateway.requests["/photos/precheck"] == 2
