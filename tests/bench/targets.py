"""The specification's performance targets, beside what a user of the whole stack meets and what the machine can do.

``python -m tests.bench.targets [--photos FOLDER] [--limit N]``

It prints and judges nothing: times on a shared machine vary, so each stands beside the machine's own in the same run. A
target per 100 or 1,000 photos is worked out from those that there are, all steps going on at once as they always do.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import psycopg
from mizzap_client import AsyncClient, operations
from mizzap_client.folder import sha256_of
from mizzap_client.sync import in_parallel

from tests.bench import bare, bench
from tests.bench.listing import FILL
from tests.stack import Stack, running_stack

_LOGIN = {"email": "targets@example.com", "password": "correct horse battery"}
_LARGE = 100_000_000
_ITEMS = 1000
_SCREEN = 60
_AT_ONCE = 8
_ROUNDS = 25
_SHOWN = """
INSERT INTO renditions (user_id, photo_id, side, width, height, size_bytes, object_key, etag)
SELECT user_id, filled.id, side, width, height, size_bytes, object_key, etag
FROM unnest(%s::bigint[], %s::bigint[]) AS filled (id, real) JOIN renditions ON photo_id = filled.real
"""
"""Made-up photos look like real ones."""


def told(name: str, target: str, measured: str, machine: str = "") -> None:
    print(f"{name:<38} {target:>9} {measured:>12}   {machine}".rstrip(), flush=True)


async def seconds_of(work: Awaitable[Any]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def steps(client: AsyncClient, photos: list[Path], folder: Path) -> None:
    """Duplicates and thumbnails, by when each photo's job says that it began and ended."""
    whole = await bench.bring(client, bench.link(photos, folder / "photos"))
    times: dict[str, list[Any]] = defaultdict(list)
    async for job in client.all(operations.list_jobs(limit=100)):
        if job.started_at and job.completed_at:
            times[job.job_type].append((job.started_at, job.completed_at))
    print(f"All steps took {whole:.1f} s. Each from its first beginning to its last end, and its jobs' times together:")
    took = {}
    for step, known in sorted(times.items()):
        took[step] = (max(end for _, end in known) - min(begin for begin, _ in known)).total_seconds()
        print(f"  {step:<18} {took[step]:6.1f} s {sum((e - b).total_seconds() for b, e in known):8.1f} s")
    hashed = await asyncio.to_thread(bare.bare_loop, photos, bare.bare_duplicates)
    pillow = await asyncio.to_thread(bare.bare_loop, photos, bare.pillow_renditions)
    everything = await asyncio.to_thread(bare.bare_loop, photos)
    print(f"\n{'':<38} {'target':>9} {'measured':>12}   this machine")
    hundred, thousand = 100 / len(photos), 1000 / len(photos)
    told("duplicates, 100 photos", "< 10 s", f"{took['dedup'] * hundred:.1f} s",
         f"{hashed * hundred:.1f} s hashes and vectors in a bare loop")  # fmt: skip
    told("thumbnails, 1,000 photos", "30 s", f"{took['thumbnail'] * thousand:.1f} s",
         f"{pillow * thousand:.1f} s Pillow in a bare loop")  # fmt: skip
    told("all steps, 100 photos", "–", f"{whole * hundred:.1f} s", f"{everything * hundred:.1f} s in a bare loop")


async def fill(client: AsyncClient, stack: Stack) -> None:
    """A thousand photos for the gallery, each with a real one's renditions."""
    assert client.session
    real = [photo.id async for photo in client.photos()]
    async with await psycopg.AsyncConnection.connect(stack.database("photos"), autocommit=True) as photos:
        named = FILL.replace("%", "%%").replace(":photos", "%(photos)s").replace(":user", "%(user)s")
        user = client.session.user.id
        made = await photos.execute(f"{named} RETURNING id, user_id", {"photos": _ITEMS, "user": user})
        filled = [photo_id async for photo_id, user_id in made if user_id == user]
        await photos.execute("VACUUM ANALYZE photos")
    async with await psycopg.AsyncConnection.connect(stack.database("thumbs"), autocommit=True) as thumbs:
        await thumbs.execute(_SHOWN, [filled, (real * _ITEMS)[: len(filled)]])


async def answered(http: httpx.AsyncClient, method: str, path: str, body: Any = None) -> None:
    (await http.request(method, path, json=body)).raise_for_status()


async def gallery(http: httpx.AsyncClient) -> int:
    """The first thousand items by cursor, as an app loads them; then what a screen shows, then everything. One's id."""
    shown: list[int] = []

    async def listed() -> None:
        page: dict[str, Any] = {}
        while len(shown) < _ITEMS:
            after = {"cursor": page["pagination"]["nextCursor"]} if page else {}
            page = (await http.get("/api/v1/photos", params={"limit": 100, **after})).raise_for_status().json()
            shown.extend(photo["id"] for photo in page["data"])

    async def looked_at(paths: list[str]) -> None:
        await in_parallel(paths, partial(answered, http, "GET"), _AT_ONCE)

    listing = await seconds_of(listed())
    thumbnails = [f"/api/v1/photos/{photo}/thumbnail" for photo in shown]
    screen = await seconds_of(looked_at(thumbnails[:_SCREEN]))
    rest = await seconds_of(looked_at(thumbnails[_SCREEN:_ITEMS]))
    nothing = await seconds_of(looked_at(["/live"] * _ITEMS))
    told(f"gallery, {_ITEMS:,} items listed", "< 2 s", f"{listing:.2f} s")
    told(f"… and the {_SCREEN} thumbnails of a screen", "< 2 s", f"{listing + screen:.2f} s")
    told("… and all their thumbnails", "< 2 s", f"{listing + screen + rest:.2f} s",
         f"{nothing:.2f} s as many answers of nothing")  # fmt: skip
    return shown[0]


async def api(http: httpx.AsyncClient, photo: int) -> None:
    """Reads and writes in turn, each kind as often as the others."""
    made = await http.post("/api/v1/albums", json={"name": "Summer"})
    album, one_photo = f"/albums/{made.raise_for_status().json()['data']['id']}", f"/photos/{photo}"
    reads = ["/auth/me", "/photos", "/photos?q=canon&minQuality=0.3", one_photo, f"{one_photo}/thumbnail", "/albums", album,
             "/duplicates", "/curation/moments", "/changes"]  # fmt: skip
    writes = [("POST", "/albums", {"name": "Winter"}), ("PUT", album, {"name": "Autumn"}),
              ("PUT", f"{one_photo}/favourite", {"favourite": True})]  # fmt: skip
    kinds = [
        (method, f"/api/v1{path}", body) for method, path, body in (*(("GET", path, None) for path in reads), *writes)
    ]
    for at_once, name in ((1, "API, p95"), (_AT_ONCE, f"API, p95 of {_AT_ONCE} requests at once")):
        took: dict[str, list[float]] = defaultdict(list)

        async def one(kind: tuple[str, str, Any], took: dict[str, list[float]] = took) -> None:
            took[" ".join(kind[:2])].append(1000 * await seconds_of(answered(http, *kind)))

        await in_parallel([("GET", "/live", None)] * 200, one, at_once)
        nothing = p95(took.pop("GET /live"))
        await in_parallel(kinds * _ROUNDS, one, at_once)
        slowest = max(took, key=lambda kind: p95(took[kind]))
        told(name, "< 200 ms", f"{p95([t for times in took.values() for t in times]):.0f} ms",
             f"{nothing:.0f} ms an answer of nothing; slowest: {slowest}, {p95(took[slowest]):.0f} ms")  # fmt: skip
    hashed = await seconds_of(asyncio.to_thread(bcrypt.hashpw, b"x", bcrypt.gensalt(12)))
    logins = [1000 * await seconds_of(answered(http, "POST", "/api/v1/auth/login", _LOGIN)) for _ in range(20)]
    told("logging in, p95", "< 200 ms", f"{p95(logins):.0f} ms", f"{hashed * 1000:.0f} ms bcrypt, twelve rounds")


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


async def uploads(client: AsyncClient, photo: Path, folder: Path) -> None:
    """A real photo with bytes behind its end, so that it is as large as the target has it. The hash counts."""
    sent, written = [], []
    real = await asyncio.to_thread(photo.read_bytes)
    for number in range(3):
        large = folder / f"{number}.jpg"
        await asyncio.to_thread(large.write_bytes, real + os.urandom(_LARGE - len(real)))
        written.append(await seconds_of(asyncio.to_thread(bare.hash_and_write, large, folder / "written")))
        sent.append(await seconds_of(client.upload(large, large.name, sha256_of(large), _LARGE)))
        while (await client.progress()).pending:
            await asyncio.sleep(0.2)
    told("upload of 100 MB", "< 5 s", f"{statistics.median(sent):.2f} s",
         f"{statistics.median(written):.2f} s hashed twice and written")  # fmt: skip


async def measure(stack: Stack, photos: list[Path], folder: Path) -> None:
    async with AsyncClient(stack.gateway) as client:
        session = await client.register(*_LOGIN.values(), ai=True)
        await steps(client, photos, folder)
        await fill(client, stack)
        login = {"Authorization": f"Bearer {session.access_token}"}
        async with httpx.AsyncClient(base_url=stack.gateway, headers=login, trust_env=False, timeout=60) as http:
            await api(http, await gallery(http))
        await uploads(client, next(path for path in photos if path.suffix.lower() == ".jpg"), folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=bench.SHARED_PHOTOS)
    parser.add_argument("--limit", type=int, default=200)
    asked = parser.parse_args()
    if not asked.photos.is_dir():
        sys.exit(f"There is no folder {asked.photos}; name one with photos: make bench-targets PHOTOS=folder")
    photos = bench.chosen_photos(asked.photos, asked.limit)
    size = sum(path.stat().st_size for path in photos)
    print(f"{len(photos)} photos, {size / 1e6:.0f} MB, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "data") as stack:
        asyncio.run(measure(stack, photos, Path(folder)))


if __name__ == "__main__":
    main()
