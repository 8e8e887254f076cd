"""The client's patience, its tokens and its errors, over a real socket."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from mizzap_client import errors
from mizzap_client.api import AsyncClient


def a_file(folder: Path, content: bytes, name: str = "a.jpg") -> tuple[Path, str, str, int]:
    path = folder / "file"
    path.write_bytes(content)
    return path, name, hashlib.sha256(content).hexdigest(), len(content)


@pytest.mark.parametrize("name", ['we "two".jpg', "back\\slash.jpg", "Ä/ü/日本.jpg", "100%.jpg", "a;b=c.jpg"])
async def test_a_file_arrives_under_its_name(client: AsyncClient, gateway: Any, tmp_path: Path, name: str) -> None:
    content = bytes(range(256)) * 3000
    path, _, sha256, size = a_file(tmp_path, content)
    await client.upload(path, name, sha256, size)
    assert gateway.bodies == [(name, sha256, content)]


@pytest.mark.parametrize(
    "status, code", [(503, "UNAVAILABLE"), (429, "TOO_MANY"), (502, "X"), (504, "X"), (409, "UPLOAD_AGAIN")]
)
async def test_passing_troubles_are_waited_out(
    client: AsyncClient, gateway: Any, refuse: Any, tmp_path: Path, status: int, code: str
) -> None:
    gateway.answers["/photos/upload"] = [refuse(status, code), refuse(status, code)]
    assert (await client.upload(*a_file(tmp_path, b"photo"))).status == "stored"
    assert gateway.requests["/photos/upload"] == 3


async def test_retry_after_is_obeyed(client: AsyncClient, gateway: Any, refuse: Any) -> None:
    gateway.answers["/auth/me"] = [refuse(503, "UNAVAILABLE", **{"Retry-After": "1"})]
    began = asyncio.get_running_loop().time()
    await client.me()
    assert asyncio.get_running_loop().time() - began >= 1


async def test_a_limit_is_waited_for_beyond_all_patience(client: AsyncClient, gateway: Any, refuse: Any) -> None:
    gateway.answers["/auth/me"] = [refuse(429, "RATE_LIMITED", **{"Retry-After": "1"}) for _ in range(2)]
    client.patience = 0.5
    began = asyncio.get_running_loop().time()
    await client.me()
    assert asyncio.get_running_loop().time() - began >= 2


async def test_a_server_that_is_not_there() -> None:
    async with AsyncClient("http://127.0.0.1:9", patience=0.3) as client:
        with pytest.raises(errors.Unreachable, match=r"127.0.0.1:9 does not answer"):
            await client.login("camille@example.com", "secret")


@pytest.mark.parametrize("status, kind", [
    (400, errors.InvalidInput), (404, errors.NotFound), (409, errors.Conflict), (415, errors.Refused),
    (422, errors.Refused), (500, errors.ApiError),
])  # fmt: skip
async def test_refusals_are_typed_and_not_repeated(
    client: AsyncClient, gateway: Any, refuse: Any, status: int, kind: type
) -> None:
    gateway.answers["/auth/me"] = [refuse(status, "SOME_CODE")]
    with pytest.raises(kind) as raised:
        await client.me()
    assert (raised.value.status, raised.value.code) == (status, "SOME_CODE")
    assert gateway.requests["/auth/me"] == 1
