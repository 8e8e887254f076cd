"""What the gateway's memory of answers wins, what it could win at most, and what a client's own cache wins.

``python -m tests.bench.caches [--photos N] [--rounds N]``

One user with a library on the whole stack. Each request goes in turn to three gateways: one that remembers nothing, the
one that is built, and one that forgets nothing and checks nothing (`unchecked_gateway`). Times on a shared machine vary:
the ratios say something.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psycopg
from mizzap_client import AsyncClient, operations, schemas

from tests.bench.listing import FILL
from tests.samples import bring_samples
from tests.stack import Stack, another_gateway, running_stack

_ALBUMS = 40
_AT_ONCE = 8


async def fill(client: AsyncClient, stack: Stack, photos: int) -> list[int]:
    """A library with albums; returns the ids of the photos that have renditions."""
    with tempfile.TemporaryDirectory() as folder:
        made = await bring_samples(client, Path(folder))
    assert client.session
    async with await psycopg.AsyncConnection.connect(stack.database("photos"), autocommit=True) as connection:
        await connection.execute(
            FILL.replace("%", "%%").replace(":photos", "%(photos)s").replace(":user", "%(user)s"),
            {"photos": photos, "user": client.session.user.id},
        )
    for number in range(_ALBUMS):
        body = schemas.CreateAlbumBody(name=f"Album {number}")
        album = (await client.ask(operations.create_album(body))).data
        await client.ask(operations.add_to_album(album.id, schemas.AddToAlbumBody(photo_ids=made[: 1 + number])))
    return made


async def compared(contenders: list[tuple[str, dict[str, str]]], paths: list[str], rounds: int) -> list[list[float]]:
    """Milliseconds of each request to each contender, an address and headers, in turn, some requests at once."""
    async with AsyncExitStack() as open_ones:
        https = [
            await open_ones.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, trust_env=False))
            for url, headers in contenders
        ]
        took: list[list[float]] = [[] for _ in https]

        async def one(http: httpx.AsyncClient, path: str) -> float:
            begin = time.perf_counter()
            answer = await http.get(path)
            assert answer.status_code in (200, 304), answer.text
            return (time.perf_counter() - begin) * 1000

        for http in https:
            for path in paths:
                await one(http, path)
        for _ in range(rounds):
            for start in range(0, len(paths), _AT_ONCE):
                for http, times in zip(https, took, strict=True):
                    times.extend(await asyncio.gather(*(one(http, path) for path in paths[start : start + _AT_ONCE])))
    return took


def told(name: str, took: list[list[float]]) -> None:
    """The first contender's median and 95th percentile, and how much less or more the others take."""
    first, *others = [(statistics.median(times), statistics.quantiles(times, n=20)[-1]) for times in took]
    line = f"{name:<28} {first[0]:7.1f} {first[1]:7.1f}"
    print(line + "".join(f"   {p50 / first[0] - 1:+6.0%} {p95 / first[1] - 1:+6.0%}" for p50, p95 in others))


async def measure(stack: Stack, photos: int, rounds: int) -> None:
    async with AsyncClient(stack.gateway) as client:
        await client.register("caches@example.com", "correct horse battery", ai=True)
        made = await fill(client, stack, photos)
        assert client.session
        login = {"Authorization": f"Bearer {client.session.access_token}"}
    shown = (made * 64)[:64]
    with (
        another_gateway(stack, MIZZAP_ANSWER_CACHE_BYTES="0") as without,
        another_gateway(stack, "tests.bench.unchecked_gateway", MIZZAP_ANSWER_CACHE_BYTES="0") as unchecked,
    ):
        print(f"{photos} photos, {_ALBUMS} albums, {_AT_ONCE} requests at once; p50 and p95")
        print(f"{'':<28} {'without, ms':>15}   {'remembered':>13}   {'at most':>13}")
        kinds = {
            "GET /albums": ["/api/v1/albums"] * 64,
            "GET /photos": ["/api/v1/photos"] * 64,
            "GET /photos/{id}": [f"/api/v1/photos/{photo}" for photo in shown],
            "GET /photos/{id}/thumbnail": [f"/api/v1/photos/{photo}/thumbnail" for photo in shown],
        }
        gateways = [(url, login) for url in (without, stack.gateway, unchecked)]
        for name, paths in kinds.items():
            told(name, await compared(gateways, paths, rounds))
        print(f"\n{'':<28} {'200, ms':>15}   {'304':>13}")
        for path in ("/api/v1/albums", f"/api/v1/photos/{made[0]}/thumbnail"):
            tag = await _tag(f"{stack.gateway}{path}", login)
            contenders = [(stack.gateway, login), (stack.gateway, {**login, "If-None-Match": tag})]
            told(f"GET {path.removeprefix('/api/v1')}", await compared(contenders, [path] * 64, rounds))


async def _tag(url: str, headers: dict[str, str]) -> str:
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        return str((await http.get(url)).headers["ETag"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=6)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "data") as stack:
        asyncio.run(measure(stack, asked.photos, asked.rounds))


if __name__ == "__main__":
    main()
