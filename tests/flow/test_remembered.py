"""Nobody reads past an own write, whichever of two gateways it went through: what is remembered is what there is."""

import random
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mizzap_client import AsyncClient, operations, schemas

from tests.samples import bring_samples
from tests.stack import Stack, another_gateway

PASSWORD = "correct horse battery"
WRITES = 150


@pytest.fixture(scope="module")
def gateways(stack: Stack) -> Iterator[tuple[str, str, str]]:
    """Two that remember, and one that asks each time."""
    with another_gateway(stack) as second, another_gateway(stack, MIZZAP_ANSWER_CACHE_BYTES="0") as truth:
        yield stack.gateway, second, truth


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """In words, without what is as it should be."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [line for key in one for line in differences(one[key], other[key], f"{where}.{key}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for at, (left, right) in pairs for line in differences(left, right, f"{where}[{at}]")]
    return [] if one == other else [f"{where}: {one!r} is {other!r}"]


class Writer:
    """Changes something at random, and says where it would be seen."""

    def __init__(self, photos: list[int]) -> None:
        self.photos = photos
        self.albums: list[int] = []
        self.trashed: list[int] = []

    async def __call__(self, client: AsyncClient) -> str:
        kind = random.choice(["favourite", "album", "add", "rename", "trash", "restore", "remove", "drop"])
        photo = random.choice(self.photos)
        if kind == "favourite":
            body = schemas.FavouriteBody(favourite=random.random() < 0.5)
            await client.ask(operations.set_favourite(photo, body))
            return f"/photos/{photo}"
        if kind == "trash" and len(self.photos) > 3:
            self.photos.remove(photo)
            self.trashed.append(photo)
            await client.ask(operations.delete_photo(photo))
            return random.choice([f"/photos/{photo}", f"/photos/{photo}/thumbnail", "/albums"])
        if kind == "restore" and self.trashed:
            photo = self.trashed.pop()
            self.photos.append(photo)
            await client.ask(operations.restore_photo(photo))
            return random.choice([f"/photos/{photo}", f"/photos/{photo}/thumbnail", "/photos"])
        if kind == "album" or not self.albums:
            body = schemas.CreateAlbumBody(name=f"Album {random.random()}")
            self.albums.append((await client.ask(operations.create_album(body))).data.id)
            return "/albums"
        album = random.choice(self.albums)
        if kind == "add":
            await client.ask(operations.add_to_album(album, schemas.AddToAlbumBody(photo_ids=[photo])))
        elif kind == "remove":
            body = schemas.RemoveFromAlbumBody(photo_ids=[photo])
            await client.ask(operations.remove_many_from_album(album, body))
        elif kind == "drop":
            self.albums.remove(album)
            await client.ask(operations.delete_album(album))
            return "/albums"
        else:
            body = schemas.UpdateAlbumBody(name=f"Album {random.random()}")
            await client.ask(operations.update_album(album, body))
        return random.choice(["/albums", f"/albums/{album}"])


async def test_no_read_misses_an_own_write(gateways: tuple[str, str, str], tmp_path: Any) -> None:
    random.seed(20251023)
    async with AsyncClient(gateways[0]) as client:
        await client.register(f"{uuid4()}@example.com", PASSWORD, ai=True)
        photos = await bring_samples(client, tmp_path)
        login = {"Authorization": f"Bearer {client.session.access_token if client.session else ''}"}
        async with httpx.AsyncClient(headers=login, trust_env=False) as http:

            async def seen(gateway: str, path: str) -> tuple[int, Any]:
                answer = await http.get(f"{gateway}/api/v1{path}")
                if path.endswith("/thumbnail"):
                    return answer.status_code, answer.content
                shown = answer.json()
                # sealed anew each time
                shown.get("pagination", {}).pop("nextCursor", None)
                return answer.status_code, shown

            write = Writer(photos)
            for number in range(WRITES):
                asked = random.sample(["/albums", "/photos", f"/photos/{photos[0]}"], 2)
                for path in asked:
                    await seen(gateways[1], path)
                path = await write(client)
                # the services themselves go on with what the write brought about: pairs are counted anew
                before, now = None, await seen(gateways[2], path)
                while before != now:
                    before = now
                    # at the gateway that did not see the write first: it must have forgotten by now
                    found = [await seen(gateway, path) for gateway in (gateways[1], gateways[0])]
                    now = await seen(gateways[2], path)
                for one in found:
                    assert differences(one, now) == [], f"write {number}: {path}"
            metrics = (await http.get(f"{gateways[1]}/metrics")).text
    remembered = [line for line in metrics.splitlines() if 'outcome="remembered"' in line]
    assert remembered and sum(float(line.split()[-1]) for line in remembered) > 50, "there was something to forget"
