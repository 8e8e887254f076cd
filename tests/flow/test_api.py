"""The public API over the real services, as a client without our library would call it."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
import websockets
from mizzap_common.testing import eventually
from PIL import Image

from tests.stack import Stack

MISSING = 10**12


@dataclass
class User:
    http: httpx.AsyncClient
    session: dict[str, Any]

    async def call(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        answer = await self.ask(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json().get("data")

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.session['accessToken']}", **more.pop("headers", {})}
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **more)

    async def upload(self, *files: tuple[str, bytes], status: int = 201) -> Any:
        form = [("files", (name, data)) for name, data in files]
        return await self.call("POST", "/photos/upload", status, files=form)

    async def settled(self) -> dict[str, int]:
        async def progress() -> Any:
            found = await self.call("GET", "/jobs/progress")
            return found if found["photos"] and not found["pending"] else None

        found: dict[str, int] = await eventually(progress, 60)
        return found


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.gateway, trust_env=False, timeout=30) as client:
        yield client


async def _register(http: httpx.AsyncClient) -> User:
    body = {"email": f"{uuid4()}@mizzap.test", "password": "correct horse battery", "consents": {"ai": True}}
    answer = await http.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201
    return User(http, answer.json()["data"])


@pytest.fixture
async def user(http: httpx.AsyncClient) -> User:
    return await _register(http)


@pytest.fixture
async def stranger(http: httpx.AsyncClient) -> User:
    return await _register(http)


def picture(seed: int) -> bytes:
    """A picture like no other: smooth colours of its own."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize(
        (640, 480), Image.Resampling.BICUBIC
    )
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


async def test_jobs_say_when_they_began_and_ended(user: User) -> None:
    await user.upload(*((f"{seed}.jpg", picture(seed)) for seed in range(5)))
    await user.settled()

    jobs = await user.call("GET", "/jobs?limit=100")
    assert len(jobs) == 20 and {job["status"] for job in jobs} == {"completed"}
    for job in jobs:
        created, started, completed = (
            datetime.fromisoformat(job[f"{end}At"]) for end in ("created", "started", "completed")
        )
        assert created < started < completed, job


async def test_a_session_goes_on_by_its_refresh_token(user: User) -> None:
    assert (await user.call("GET", "/auth/me")) == user.session["user"]
    refreshed = (
        await user.http.post("/api/v1/auth/refresh", json={"refreshToken": user.session["refreshToken"]})
    ).json()["data"]
    user.session = refreshed
    assert (await user.call("GET", "/auth/me")) == refreshed["user"]
    wrong = await user.http.post("/api/v1/auth/login", json={"email": refreshed["user"]["email"], "password": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "INVALID_CREDENTIALS")


async def test_the_life_of_a_photo(user: User) -> None:
    data, other = picture(1), picture(2)
    sha256 = hashlib.sha256(data).hexdigest()
    results = await user.upload(("trip/a.jpg", data), ("notes.txt", b"text"), ("b.jpg", other), ("trip/a.jpg", data))
    assert [r["status"] for r in results] == ["stored", "failed", "stored", "known"]
    photo = results[0]["photo"]
    assert (photo["sha256"], photo["md5"]) == (sha256, hashlib.md5(data).hexdigest())

    known = (await user.call("POST", "/photos/precheck", json={"sha256": [sha256, "0" * 64]}))["known"]
    assert known == [{"sha256": sha256, "photoIds": [photo["id"]], "fileNames": ["trip/a.jpg"]}]
    copy = await user.call("POST", "/photos/adopt", 201, json={"fileName": "copy.jpg", "sha256": sha256})
    assert copy["created"] and copy["photo"]["id"] != photo["id"]
    again = await user.call("POST", "/photos/adopt", 200, json={"fileName": "copy.jpg", "sha256": sha256})
    assert not again["created"]

    progress = await user.settled()
    assert (progress["photos"], progress["stored"], progress["processed"]) == (3, 2, 3)
    original = await user.ask("GET", f"/photos/{photo['id']}/original")
    assert original.content == data and original.headers["Content-Disposition"].endswith("a.jpg")
    for path in (f"/photos/{photo['id']}/thumbnail?size=web", f"/photos/{photo['id']}/original"):
        first = await user.ask("GET", path)
        second = await user.ask("GET", path, headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, second.status_code, second.content) == (200, 304, b"")

    listed = await user.call("GET", "/photos?sortBy=fileName&sortOrder=asc")
    assert [p["fileName"] for p in listed] == ["b.jpg", "copy.jpg", "trip/a.jpg"]
    jobs = await user.call("GET", f"/jobs?photoId={photo['id']}")
    assert {job["status"] for job in jobs} == {"completed"}
    assert await user.call("DELETE", f"/photos/{photo['id']}?permanent=true") == {"id": photo["id"]}
    assert (await user.ask("GET", f"/photos/{photo['id']}")).status_code == 404
    assert (await user.ask("GET", f"/photos/{copy['photo']['id']}/original")).content == data


async def test_albums_duplicates_and_moments(user: User) -> None:
    data = picture(3)
    first, second, third = [
        r["photo"]["id"] for r in await user.upload(("1.jpg", data), ("2.jpg", data), ("3.jpg", picture(4)))
    ]
    album = await user.call("POST", "/albums", 201, json={"name": "Été"})
    await user.call("POST", f"/albums/{album['id']}/photos", json={"photoIds": [third, first]})
    renamed = await user.call("PUT", f"/albums/{album['id']}", json={"name": "Summer", "coverPhotoId": third})
    assert (renamed["name"], renamed["coverPhotoId"], renamed["photoCount"]) == ("Summer", third, 2)
    await user.call("PUT", f"/albums/{album['id']}/order", json={"moves": [{"photoId": first, "after": None}]})
    shown = await user.call("GET", f"/albums/{album['id']}/photos")
    assert [(photo["id"], photo["fileName"]) for photo in shown] == [(first, "1.jpg"), (third, "3.jpg")]
    await user.call("DELETE", f"/albums/{album['id']}/photos/{third}")
    assert (await user.call("GET", f"/albums/{album['id']}"))["photoIds"] == [first]

    await user.settled()
    answer = (await user.ask("GET", "/duplicates?action=pending")).json()
    [pair] = answer["data"]
    assert {pair["primaryPhoto"]["fileName"], pair["duplicatePhoto"]["fileName"]} == {"1.jpg", "2.jpg"}
    assert answer["stats"]["totalDuplicates"] == 1
    [group] = await user.call("GET", "/duplicates/groups")
    assert group["lane"] == "exact" and set(group["members"]) == {first, second}
    decided = await user.call("POST", f"/duplicates/{pair['id']}/action", json={"action": "confirmed"})
    assert decided["action"] == "confirmed"

    async def chosen() -> Any:
        found = await user.call("GET", "/curation/moments")
        return found if found["moments"] and found["upToDate"] else None

    moments = await eventually(chosen, 30)
    assert {moment["photoId"] for moment in moments["moments"]} <= {first, second, third}
    assert (await user.call("POST", "/curation/moments/confirm"))["status"] == "confirmed"
    model = await user.call("GET", "/model")
    ready = (await user.http.get("/ready")).json()
    assert ready["info"]["model"] == model


async def test_the_trash_hides_and_gives_back(user: User) -> None:
    data = picture(8)
    first, second, third = [
        r["photo"]["id"] for r in await user.upload(("1.jpg", data), ("2.jpg", data), ("3.jpg", picture(9)))
    ]
    album = (await user.call("POST", "/albums", 201, json={"name": "Summer"}))["id"]
    added = {"action": "add_to_album", "photoIds": [first, second, third], "albumId": album}
    results = (await user.call("POST", "/photos/batch-action", json=added))["results"]
    assert results == [{"photoId": number, "result": "changed"} for number in (first, second, third)]
    await user.settled()
    usage = await user.call("GET", "/photos/usage")
    assert (usage["photos"], usage["trash"], usage["usedBytes"]) == (3, 0, len(data) + len(picture(9)))
    assert len(await user.call("GET", "/duplicates")) == 1

    trashed = {"action": "delete", "photoIds": [first, third]}
    await user.call("POST", "/photos/batch-action", json=trashed)
    assert [photo["id"] for photo in await user.call("GET", "/photos/trash")] == [third, first]
    for path in ("", "/thumbnail", "/original"):
        assert (await user.ask("GET", f"/photos/{first}{path}")).status_code == 404

    async def hidden() -> bool:
        seen = (await user.call("GET", f"/albums/{album}"))["photoIds"]
        return seen == [second] and await user.call("GET", "/duplicates") == []

    await eventually(hidden)
    assert await user.call("GET", "/photos/usage") == {**usage, "photos": 1, "trash": 2}

    await user.call("POST", f"/photos/{first}/restore")
    await user.upload(("3.jpg", picture(9)))

    async def back() -> bool:
        seen = (await user.call("GET", f"/albums/{album}"))["photoIds"]
        return seen == [first, second, third] and len(await user.call("GET", "/duplicates")) == 1

    await eventually(back)
    assert (await user.ask("GET", f"/photos/{first}/thumbnail")).status_code == 200
    assert (await user.call("PUT", f"/photos/{first}/favourite", json={"favourite": True}))["isFavourite"] is True
    await user.call("DELETE", f"/photos/{first}")
    await user.call("DELETE", f"/photos/{first}?permanent=true")
    assert await user.call("GET", "/photos/trash") == []


async def test_the_socket_tells_what_happens(user: User, stranger: User) -> None:
    address = f"{str(user.http.base_url).replace('http', 'ws').rstrip('/')}/ws?token="
    async with (
        websockets.connect(address + user.session["accessToken"], proxy=None) as mine,
        websockets.connect(address + stranger.session["accessToken"], proxy=None) as foreign,
    ):
        [result] = await user.upload(("a.jpg", picture(5)))
        seen = []
        async with asyncio.timeout(30):
            while "photo:processed" not in seen:
                message = json.loads(await mine.recv())
                assert message["data"]["userId"] == user.session["user"]["id"]
                if message["data"].get("photoId") == result["photo"]["id"]:
                    seen.append(message["event"])
        assert seen[0] == "photo:uploaded"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await foreign.recv()


async def test_bytes_of_somebody_else_are_unknown(user: User, stranger: User) -> None:
    """What else belongs to somebody else: tests/security."""
    data = picture(6)
    await user.upload(("1.jpg", data))
    body = {"fileName": "a.jpg", "sha256": hashlib.sha256(data).hexdigest()}
    assert await stranger.call("POST", "/photos/adopt", 404, json=body) is None
