"""Photos per second through all steps, against the bare loop over the same photos, in turn in one run.

``python -m tests.bench.bench [--photos FOLDER] [--limit N] [--rounds N] [--out FILE]``

The bare loop is what the machine can do: two processes, no bus, no database, no store. Each photo is hashed (SHA-256,
MD5), decoded, made three renditions of, fingerprinted, embedded and scored. What the stack adds (HTTP, S3, outbox,
three services that each decode for themselves, duplicates search) is the difference. Times on a shared machine vary:
only the ratio of one run says something.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from mizzap_client import AsyncClient
from mizzap_client.sync import sync

from tests.bench.bare import bare_loop
from tests.stack import running_stack

ROOT = Path(__file__).resolve().parents[2]
SHARED_PHOTOS = ROOT.parent / "shared" / "data" / "photos"
_WAIT_SECONDS = 1800.0


def chosen_photos(folder: Path, limit: int) -> list[Path]:
    """Readable photos of the types that are taken in, the same for every run."""
    from mizzap_common.imaging.decode import open_rgb
    from mizzap_common.imaging.errors import ImageError

    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".heic", ".png"))
    random.Random(1).shuffle(paths)
    good = []
    for path in paths:
        if len(good) == limit:
            break
        try:
            open_rgb(path.read_bytes(), 64)
        except ImageError:
            continue
        good.append(path)
    return good


async def bring(client: AsyncClient, folder: Path) -> float:
    """Seconds from the first upload until the last photo is processed."""
    started = time.monotonic()
    synced = await sync(client, folder)
    if synced.failed:
        sys.exit(f"not taken in: {synced.failed[:3]}")
    async with asyncio.timeout(_WAIT_SECONDS):
        while (progress := await client.progress()).pending:
            await asyncio.sleep(0.1)
    seconds = time.monotonic() - started
    if progress.failed:
        sys.exit(f"{progress.failed} photos failed")
    return seconds


async def through_the_stack(folder: Path, data: Path) -> float:
    """What `bring` takes on a stack that is up."""
    with running_stack(data) as stack:
        async with AsyncClient(stack.gateway) as client:
            await client.register("bench@example.com", "correct horse battery", ai=True)
            return await bring(client, folder)


def link(photos: list[Path], folder: Path) -> Path:
    """A folder made of these photos, which may lie anywhere."""
    folder.mkdir()
    for index, path in enumerate(photos):
        (folder / f"{index:04d}{path.suffix}").symlink_to(path)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=SHARED_PHOTOS / "cameras")
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not options.photos.is_dir():
        sys.exit(f"There is no folder {options.photos}; name one with photos: make bench PHOTOS=folder")
    photos = chosen_photos(options.photos, options.limit)
    size = sum(path.stat().st_size for path in photos)
    print(f"{len(photos)} photos, {size / 1e6:.0f} MB, {options.rounds} rounds, {os.cpu_count()} cores")
    rows = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as scratch:
            folder = link(photos, Path(scratch) / "photos")
            bare = len(photos) / bare_loop(photos)
            stack = len(photos) / asyncio.run(through_the_stack(folder, Path(scratch) / "data"))
        rows.append({"bare": bare, "stack": stack, "ratio": stack / bare})
        print(f"round {number + 1}: bare loop {bare:.2f}/s, stack {stack:.2f}/s, ratio {stack / bare:.2f}")
    medians = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    print("median: " + ", ".join(f"{key} {value:.2f}" for key, value in medians.items()))
    if options.out:
        options.out.write_text(json.dumps({"photos": len(photos), "bytes": size, "rounds": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
