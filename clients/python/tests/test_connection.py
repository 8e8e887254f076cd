"""The client's patience, its tokens and its errors, over a real socket."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from mizzap_client import errors
from mizzap_client.api import Client
from mizzap_client.models import Session
from mizzap_client.multipart import FileChanged


def a_file(folder: Path, content: bytes, name: str = "a.jpg") -> tuple[Path, str, str, int]:
    path = folder / "file"
    path.write_bytes(content)
    return path, name, hashlib.sha256(content).hexdigest(), len(content)


@pytest.mark.parametrize("name", ['we "two".jpg', "back\\slash.jpg", "Ä/ü/日本.jpg", "100%.jpg", "a;b=c.jpg"])
async def test_a_file_arrives_under_its_name(client: Client, gateway: Any, tmp_path: Path, name: str) -> None:
    content = bytes(range(256)) * 3000
    path, _, sha256, size = a_file(tmp_path, content)
    await client.upload(path, name, sha256, size)
    assert gateway.bodies == [(name, sha256, content)]


async def test_an_upload_outlives_a_gateway_that_dies_twice(
    client: Client, gateway: Any, line: Any, tmp_path: Path
) -> None:
    sent: list[int] = []
    line.cuts = [300_000, 100]
    content = b"x" * 1_000_000
    result = await client.upload(*a_file(tmp_path, content), on_bytes=sent.append)
    assert result.status == "stored"
    assert line.accepted == 3
    assert [len(body) for _, _, body in gateway.bodies] == [1_000_000]
    # what had to go again is taken back from the progress
    assert sum(sent) == 1_000_000 and min(sent) < 0


@pytest.mark.parametrize(
    "status, code", [(503, "UNAVAILABLE"), (429, "TOO_MANY"), (502, "X"), (504, "X"), (409, "UPLOAD_AGAIN")]
)
async def test_passing_troubles_are_waited_out(
    client: Client, gateway: Any, refuse: Any, tmp_path: Path, status: int, code: str
) -> None:
    gateway.answers["/photos/upload"] = [refuse(status, code), refuse(status, code)]
    assert (await client.upload(*a_file(tmp_path, b"photo"))).status == "stored"
    assert gateway.requests["/photos/upload"] == 3


async def test_retry_after_is_obeyed(client: Client, gateway: Any, refuse: Any) -> None:
    gateway.answers["/auth/me"] = [refuse(503, "UNAVAILABLE", **{"Retry-After": "1"})]
    began = asyncio.get_running_loop().time()
    await client.me()
    assert asyncio.get_running_loop().time() - began >= 1


async def test_a_limit_is_waited_for_beyond_all_patience(client: Client, gateway: Any, refuse: Any) -> None:
    gateway.answers["/auth/me"] = [refuse(429, "RATE_LIMITED", **{"Retry-After": "1"}) for _ in range(2)]
    client.patience = 0.5
    began = asyncio.get_running_loop().time()
    await client.me()
    assert asyncio.get_running_loop().time() - began >= 2


async def test_patience_ends(client: Client, gateway: Any, refuse: Any) -> None:
    gateway.answers["/auth/me"] = [refuse(503, "UNAVAILABLE") for _ in range(100)]
    client.patience = 0.5
    with pytest.raises(errors.Unreachable, match="UNAVAILABLE"):
        await client.me()


async def test_a_server_that_is_not_there() -> None:
    async with Client("http://127.0.0.1:9", patience=0.3) as client:
        with pytest.raises(errors.Unreachable, match=r"127.0.0.1:9 does not answer"):
            await client.login("camille@example.com", "secret")


@pytest.mark.parametrize("status, kind", [
    (400, errors.InvalidInput), (404, errors.NotFound), (409, errors.Conflict), (415, errors.Refused),
    (422, errors.Refused), (500, errors.ApiError),
])  # fmt: skip
async def test_refusals_are_typed_and_not_repeated(
    client: Client, gateway: Any, refuse: Any, status: int, kind: type
) -> None:
    gateway.answers["/auth/me"] = [refuse(status, "SOME_CODE")]
    with pytest.raises(kind) as raised:
        await client.me()
    assert (raised.value.status, raised.value.code) == (status, "SOME_CODE")
    assert gateway.requests["/auth/me"] == 1


async def test_many_requests_with_an_old_token_refresh_once(client: Client, gateway: Any) -> None:
    kept: list[Session] = []
    client._on_session = kept.append
    gateway.token = 2
    await asyncio.gather(*(client.me() for _ in range(8)))
    assert gateway.requests["/auth/refresh"] == 1
    assert [session.refresh_token for session in kept] == ["refresh-2"]


async def test_a_session_that_has_ended(client: Client, gateway: Any) -> None:
    gateway.token = 5
    with pytest.raises(errors.NotLoggedIn):
        await client.me()


async def test_a_file_that_changes_its_length_is_noticed(client: Client, gateway: Any, tmp_path: Path) -> None:
    path, name, sha256, size = a_file(tmp_path, b"x" * 100)
    for wrong in (size - 1, size + 1):
        with pytest.raises(FileChanged):
            await client.upload(path, name, sha256, wrong)
    assert gateway.bodies == []
    assert (await client.me()).id == 1


async def test_pages_are_followed(client: Client, gateway: Any) -> None:
    gateway.stored = {f"{n:064x}": [f"{n}.jpg"] for n in range(250)}
    assert [photo.file_name async for photo in client.photos()] == [f"{n}.jpg" for n in range(250)]
    assert gateway.requests["/photos"] == 3
