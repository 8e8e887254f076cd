"""Uploads that go on until they are acknowledged, whatever dies meanwhile."""

import asyncio
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import numpy as np
from PIL import ExifTags, Image

_EPOCH = datetime(2024, 7, 14, 9)
PLANTED_EVERY = 10
"""Every so many photos one is a re-encoded copy of the one before it."""


@dataclass(frozen=True)
class Upload:
    name: str
    data: bytes
    sha256: str
    copy_of: str | None = None


@dataclass
class Acknowledged:
    """What the gateway has promised: file name → photo id."""

    ids: dict[str, int] = field(default_factory=dict)
    tries: int = 0


def make_uploads(count: int, seed: int) -> list[Upload]:
    """Photos of 640×480 with capture times, as phones make them; planted near-duplicates lost theirs, as in messengers."""
    made: list[Upload] = []
    previous: Image.Image | None = None
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        planted = number % PLANTED_EVERY == PLANTED_EVERY - 1
        picture = previous if planted and previous else _scene(rng)
        previous = picture
        data = _jpeg(picture, 60) if planted else _jpeg(picture, 88, _EPOCH + timedelta(minutes=number))
        made.append(
            Upload(
                f"{number:05d}.jpg", data, hashlib.sha256(data).hexdigest(), made[-1].name if planted and made else None
            )
        )
    return made


def _scene(rng: np.random.Generator) -> Image.Image:
    coarse = rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)
    fine = rng.normal(0, 6, (480, 640, 3))
    smooth = np.asarray(Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC), np.float32)
    return Image.fromarray(np.clip(smooth + fine, 0, 255).astype(np.uint8))


def _jpeg(picture: Image.Image, quality: int, taken: datetime | None = None) -> bytes:
    exif = Image.Exif()
    if taken is not None:
        exif[ExifTags.Base.Model] = "Pixel 9"
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken.strftime("%Y:%m:%d %H:%M:%S")
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, exif=exif)
    return buffer.getvalue()


class Client:
    """As the app does: an upload counts when the gateway says so, and is sent again until it does."""

    def __init__(self, gateway: str, token: str = "") -> None:
        self.http = httpx.AsyncClient(base_url=gateway, timeout=30, trust_env=False)
        self.token = token

    async def register(self, seed: int) -> None:
        body = {
            "email": f"chaos-{seed}@example.com", "password": "correct horse battery", "consents": {"ai": True},
        }  # fmt: skip
        answer = await self.http.post("/api/v1/auth/register", json=body)
        answer.raise_for_status()
        self.token = answer.json()["data"]["accessToken"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def upload(self, upload: Upload, acknowledged: Acknowledged) -> None:
        while True:
            acknowledged.tries += 1
            try:
                answer = await self.http.post(
                    "/api/v1/photos/upload",
                    headers=self.headers,
                    data={"sha256": upload.sha256},
                    files={"files": (upload.name, upload.data, "image/jpeg")},
                )
            except httpx.TransportError:
                await asyncio.sleep(0.3)
                continue
            if answer.status_code == 201:
                (result,) = answer.json()["data"]
                if result["status"] in ("stored", "known"):
                    acknowledged.ids[upload.name] = result["photo"]["id"]
                    return
            if answer.status_code not in (201, 409, 503):
                raise AssertionError(f"{upload.name}: {answer.status_code} {answer.text}")
            await asyncio.sleep(0.3)

    async def get(self, path: str) -> httpx.Response:
        """Asks until somebody answers."""
        while True:
            try:
                answer = await self.http.get(path, headers=self.headers)
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            if answer.status_code != 503:
                return answer
            await asyncio.sleep(0.2)


async def upload_all(
    client: Client, uploads: Sequence[Upload], acknowledged: Acknowledged, workers: int = 6, pace: float = 0.0
) -> None:
    """``pace`` is the least time between two uploads of one worker, so that the kills meet uploads to the end."""
    queue: asyncio.Queue[Upload] = asyncio.Queue()
    for upload in uploads:
        queue.put_nowait(upload)

    async def work() -> None:
        while not queue.empty():
            await client.upload(queue.get_nowait(), acknowledged)
            await asyncio.sleep(pace)

    await asyncio.gather(*(work() for _ in range(workers)))
