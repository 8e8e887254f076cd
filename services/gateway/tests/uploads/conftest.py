"""Forms full of photos, made by hand for what no client library sends."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


@dataclass
class AForm:
    """A multipart body by hand, for what no client library sends."""

    boundary: str = "b0undary"
    body: bytes = b""

    def field(self, name: str, value: str) -> "AForm":
        return self._part(f'form-data; name="{name}"', value.encode())

    def file(self, name: str, data: bytes, sha256: str | None = None) -> "AForm":
        if sha256 is not None:
            self.field("sha256", sha256)
        return self._part(f'form-data; name="files"; filename="{name}"', data)

    def photo(self, name: str, data: bytes) -> "AForm":
        """A file with its true hash."""
        return self.file(name, data, hashlib.sha256(data).hexdigest())

    def _part(self, disposition: str, data: bytes) -> "AForm":
        head = f"--{self.boundary}\r\nContent-Disposition: {disposition}\r\n\r\n"
        self.body += head.encode() + data + b"\r\n"
        return self

    @property
    def whole(self) -> bytes:
        return self.body + f"--{self.boundary}--\r\n".encode()

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": f"multipart/form-data; boundary={self.boundary}"}


@pytest.fixture
def form() -> AForm:
    return AForm()


@pytest.fixture
def jpeg() -> Callable[..., bytes]:
    """Bytes that begin like a JPEG and are like no others; the gateway looks no further."""

    def make(size: int = 1000) -> bytes:
        return JPEG + uuid4().bytes + bytes(max(0, size - len(JPEG) - 16))

    return make


@pytest.fixture
def send(gateway: Any, user_id: int) -> Callable[..., Any]:
    """``await send(form)`` uploads a form as this test's user."""

    async def upload(form: AForm, to: Any = gateway) -> httpx.Response:
        return await to.http.post(
            "/api/v1/photos/upload", content=form.whole, headers={**form.headers, **to.login(user_id)}
        )

    return upload
