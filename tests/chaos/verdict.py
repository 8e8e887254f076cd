"""What must hold afterwards: nothing acknowledged is lost, nothing took effect twice, all is processed."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from tests.chaos.load import Acknowledged, Client, Upload
from tests.stack import Stack

SIDES = (200, 400, 1200)


@dataclass
class Verdict:
    lost: list[str] = field(default_factory=list)
    """Acknowledged uploads without a photo, or whose bytes are gone or others."""
    doubled: list[str] = field(default_factory=list)
    unprocessed: int = 0
    missing: list[str] = field(default_factory=list)
    """Effects that never came: a rendition, a score, a planted duplicate."""
    drained_seconds: float = 0.0

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.unprocessed or self.missing)


async def drain(client: Client, seconds: float) -> tuple[int, float]:
    """Waits until nothing is pending; (what still is, how long it took)."""
    started = time.monotonic()
    while True:
        progress = (await client.get("/api/v1/jobs/progress")).json()["data"]
        waited = time.monotonic() - started
        if not progress["pending"] or waited > seconds:
            return progress["pending"], waited
        await asyncio.sleep(0.25)


async def judge(stack: Stack, client: Client, uploads: Sequence[Upload], acknowledged: Acknowledged) -> Verdict:
    verdict = Verdict()
    for upload in uploads:
        photo_id = acknowledged.ids[upload.name]
        original = await client.get(f"/api/v1/photos/{photo_id}/original")
        if original.status_code != 200 or hashlib.sha256(original.content).hexdigest() != upload.sha256:
            verdict.lost.append(upload.name)
            continue
        for side in SIDES:
            rendition = await client.get(f"/api/v1/photos/{photo_id}/thumbnail?size={side}")
            if rendition.status_code != 200:
                verdict.missing.append(f"{upload.name} at {side}")
    await asyncio.to_thread(_judge_rows, stack, uploads, acknowledged, verdict)
    return verdict


EFFECTS = {  # service: a table with one row a photo, and the event that tells of it
    "photos": ("photos", "id", "photo.processed"),
    "thumbs": (None, "", "photo.thumbnailed"),
    "dedup": ("fingerprints", "photo_id", "photo.fingerprinted"),
    "curation": ("scores", "photo_id", "photo.scored"),
}


def _judge_rows(stack: Stack, uploads: Sequence[Upload], acknowledged: Acknowledged, verdict: Verdict) -> None:
    wanted = set(acknowledged.ids.values())
    if len(wanted) != len(uploads):
        verdict.doubled.append("two uploads share a photo")
    for service, (table, column, subject) in EFFECTS.items():
        with psycopg.connect(stack.database(service)) as connection:
            if table:
                rows = [row[0] for row in connection.execute(f"SELECT {column} FROM {table}").fetchall()]
                _compare(f"{service}.{table}", rows, wanted, verdict)
            told = connection.execute("SELECT about FROM outbox WHERE subject = %s", (subject,)).fetchall()
            _compare(subject, [int(row[0].split("/")[1]) for row in told], wanted, verdict)
    with psycopg.connect(stack.database("thumbs")) as connection:
        rows = connection.execute("SELECT photo_id, side FROM renditions").fetchall()
        _compare("renditions", rows, {(photo, side) for photo in wanted for side in SIDES}, verdict)
    _judge_pairs(stack, uploads, acknowledged, verdict)


def _compare(what: str, found: Sequence[object], wanted: set[object] | set[int], verdict: Verdict) -> None:
    if len(found) != len(set(found)):
        verdict.doubled.append(f"{what}: {len(found) - len(set(found))}")
    if missing := wanted - set(found):
        verdict.missing.append(f"{what}: {len(missing)}")
    if extra := set(found) - wanted:
        verdict.doubled.append(f"{what}: {len(extra)} of no upload")


def _judge_pairs(stack: Stack, uploads: Sequence[Upload], acknowledged: Acknowledged, verdict: Verdict) -> None:
    with psycopg.connect(stack.database("dedup")) as connection:
        rows = connection.execute("SELECT primary_photo_id, duplicate_photo_id FROM duplicates").fetchall()
    pairs = [frozenset(row) for row in rows]
    if len(pairs) != len(set(pairs)):
        verdict.doubled.append("duplicate pairs")
    for upload in uploads:
        if upload.copy_of:
            pair = frozenset((acknowledged.ids[upload.name], acknowledged.ids[upload.copy_of]))
            if pair not in set(pairs):
                verdict.missing.append(f"pair of {upload.name}")
