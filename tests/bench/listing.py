"""What a page of the list costs at its beginning and deep inside, by cursor and by number.

``python -m tests.bench.listing [--photos N] [--page N] [--limit N] [--out FILE]``

One user with 100,000 photos among others', on a real PostgreSQL, through the photos service's own list without the
bus. By cursor the page is walked to, as an app does. Times on a shared machine vary: only the ratios say something.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from mizzap_common import migrations
from mizzap_common.contracts import library
from mizzap_common.db import Database
from mizzap_common.sealed import KeyRing, new_key_ring
from mizzap_devstack.testing import TestServers
from mizzap_photos.listing import Listing
from sqlalchemy import text

USER = 1
ORDERS = ("createdDate", "uploadedAt", "fileName", "fileSize", "qualityScore", "id")
CHOICES: dict[str, dict[str, Any]] = {"hasDuplicates": {"has_duplicates": True}, "camera": {"camera": "nikon"}}
_SAMPLES = 30
"""How many pages are measured at each depth; the median counts."""
FILL = """
INSERT INTO photos (user_id, file_name, object_key, file_size, mime_type, hash_md5, hash_sha256, created_date,
    camera_model, search_text, upload_status, has_duplicates, duplicate_count, quality_score, uploaded_at)
SELECT user_id, name, 'k', 1000 + (n * 7919) % 9000000, 'image/jpeg', md5(n::text), md5(n::text),
    CASE WHEN n % 10 > 0 THEN timestamp '2010-01-01' + n * interval '1 hour' END, camera,
    lower(name || chr(10) || camera), 'processed', n % 2 = 0, 0,
    CASE WHEN n % 20 > 0 THEN (n * 7919 % 1000) / 1000.0 END, now() - n * interval '1 minute'
FROM (SELECT n, CASE WHEN n <= :photos THEN :user ELSE 2 + n % 50 END AS user_id,
        'IMG_' || md5((n * 31)::text) || '.jpg' AS name,
        (ARRAY['Canon EOS 70D', 'NIKON D750', 'Apple iPhone 11 Pro'])[1 + n % 3] AS camera
    FROM generate_series(1, :photos * 2) AS n) AS made
"""


async def compared(
    listing: Listing, first: list[library.ListPhotos], deep: list[library.ListPhotos]
) -> tuple[float, float]:
    """Milliseconds for a page of either kind, measured in turn: what else the machine does hits both alike."""
    took: tuple[list[float], list[float]] = ([], [])
    for pair in zip(first, deep, strict=True):
        for times, question in zip(took, pair, strict=True):
            begin = time.perf_counter()
            await listing.page(question)
            times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(took[0]), statistics.median(took[1])


async def by_cursor(listing: Listing, asked: dict[str, Any], deep: int) -> tuple[float, float]:
    """Pages after the first cursors, and after those around ``deep``, walked to as an app does."""
    questions: list[library.ListPhotos] = []
    page = await listing.page(library.ListPhotos(**asked))
    while page.next_cursor is not None and len(questions) < deep:
        questions.append(library.ListPhotos(**asked, cursor=page.next_cursor))
        page = await listing.page(questions[-1])
    return await compared(listing, questions[:_SAMPLES], questions[-_SAMPLES:])


async def by_number(listing: Listing, asked: dict[str, Any], deep: int) -> tuple[float, float]:
    first, last = (
        [library.ListPhotos(**asked, page=number - step) for step in range(_SAMPLES)] for number in (_SAMPLES, deep)
    )
    return await compared(listing, first, last)


async def measure(url: str, photos: int, deep: int, limit: int) -> dict[str, Any]:
    database = Database(url)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as ring_file:
        ring_file.write(new_key_ring("1"))
        ring_file.flush()
        listing = Listing(database, KeyRing.from_file(Path(ring_file.name)))
    async with database.begin() as session:
        await session.execute(text(FILL), {"photos": photos, "user": USER})
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE photos"))
    cases = {name: {"sort_by": name} for name in ORDERS} | CHOICES
    found = {}
    print(f"{photos:,} photos, {limit} a page, milliseconds (median of {_SAMPLES})")
    print(f"{'order or filter':16}{'cursor 1':>10}{f'cursor {deep}':>13}{'ratio':>7}"
          f"{'page 1':>10}{f'page {deep}':>11}{'ratio':>7}")  # fmt: skip
    for name, case in cases.items():
        asked = {"user_id": USER, "limit": limit, **case}
        first, last = await by_cursor(listing, asked, deep)
        page, last_page = await by_number(listing, asked, deep)
        print(f"{name:16}{first:10.1f}{last:13.1f}{last / first:7.2f}{page:10.1f}{last_page:11.1f}{last_page / page:7.2f}",
              flush=True)  # fmt: skip
        found[name] = {"cursor": (first, last), "page": (page, last_page)}
    await database.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--page", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        servers = TestServers(Path(folder))
        try:
            url = servers.create_database("photos")
            migrations.upgrade("mizzap_photos", url)
            found = asyncio.run(measure(url, options.photos, options.page, options.limit))
        finally:
            servers.stop()
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
